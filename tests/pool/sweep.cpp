// SPDX-License-Identifier: MIT
/// \file
/// Objects whose destructors destroy others of their pool, while it is cleared or dies: `clear` and the end of
/// pool/object_pool.hpp, pool/static_pool.hpp and pool/concurrent_object_pool.hpp.

#include "millpond/millpond.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_object_pool;
using millpond::object_pool;
using millpond::static_object_pool;

namespace {

constexpr std::size_t objects = 4;

/// How often each object was destroyed, by its number.
std::array<int, objects> destroyed{};

/// Destroys what it owns with itself.
template <template <class> class Pool>
struct owner {
    explicit owner(Pool<owner>* home, std::size_t own)
        : pool(home)
        , number(own) {}

    owner(const owner&) = delete;
    owner& operator=(const owner&) = delete;

    ~owner() {
        ++destroyed[number];
        if (owned != nullptr) {
            pool->destroy(owned);
        }
    }

    Pool<owner>* pool;
    std::size_t number;
    owner* owned = nullptr;
};

template <class T>
using static_pool_of_four = static_object_pool<T, objects>;

/// Which object each one owns; `objects` for none. No object has two owners.
using ownership = std::array<std::size_t, objects>;

/// Calls `body` for every one: chains and circles in every order of addresses, and owners of themselves.
template <class Body>
int for_each_ownership(Body body) {
    int count = 0;
    ownership owned{};
    for (;; ++count) {
        while (true) { // to the next one in which no object has two owners
            const bool twice = std::any_of(owned.begin(), owned.end(), [&](std::size_t one) {
                return one != objects && std::count(owned.begin(), owned.end(), one) > 1;
            });
            if (!twice) {
                break;
            }
            std::size_t digit = 0;
            while (++owned[digit] > objects) {
                owned[digit++] = 0;
            }
        }
        body(owned);
        std::size_t digit = 0;
        while (digit < objects && ++owned[digit] > objects) {
            owned[digit++] = 0;
        }
        if (digit == objects) {
            return count + 1;
        }
    }
}

/// Makes the objects in address order.
template <class Pool>
void make(Pool& pool, const ownership& owned) {
    destroyed.fill(0);
    std::vector<typename Pool::value_type*> made;
    for (std::size_t i = 0; i < objects; ++i) {
        made.push_back(pool.create(&pool, i));
    }
    for (std::size_t i = 0; i < objects; ++i) {
        made[i]->owned = owned[i] == objects ? nullptr : made[owned[i]];
    }
}

bool each_was_destroyed_once() {
    return std::all_of(destroyed.begin(), destroyed.end(), [](int times) { return times == 1; });
}

/// Clears and ends a pool that `with_pool` lends, for every ownership; those where an object was not destroyed
/// exactly once, and whether there were as many as there have to be.
template <class WithPool>
std::string faults(WithPool with_pool) {
    std::string fault;
    const int count = for_each_ownership([&](const ownership& owned) {
        with_pool([&](auto& pool) {
            if constexpr (requires { pool.clear(); }) {
                make(pool, owned);
                pool.clear();
                fault += each_was_destroyed_once() ? "" : "cleared ";
                fault += millpond::test::fault_of(pool);
            }
            make(pool, owned);
        });
        fault += each_was_destroyed_once() ? "" : "ended ";
    });
    return count == 209 ? fault : "not every ownership";
}

} // namespace

TEST_CASE("clear and the pool's end destroy each object once, whichever owns which") {
    CHECK(faults([](auto body) {
              object_pool<owner<object_pool>> pool({.capacity = objects});
              body(pool);
          }) == "");
    CHECK(faults([](auto body) {
              static_pool_of_four<owner<static_pool_of_four>> pool;
              body(pool);
          }) == "");
}

TEST_CASE("the end of a concurrent pool destroys each object once, whichever owns which") {
    for (const auto check : {millpond::free_check::fast, millpond::free_check::exact}) {
        CHECK(faults([&](auto body) {
                  concurrent_object_pool<owner<concurrent_object_pool>> pool(
                      {.capacity = objects, .threads = 1, .check = check});
                  body(pool);
              }) == "");
    }
}

TEST_CASE("what destructors destroy is not counted any more while a pool is cleared") {
    static std::vector<std::size_t> sizes;
    sizes.clear();

    struct counter {
        object_pool<counter>* pool;

        explicit counter(object_pool<counter>* home)
            : pool(home) {}

        counter(const counter&) = delete;
        counter& operator=(const counter&) = delete;

        ~counter() { sizes.push_back(pool->size()); }
    };

    object_pool<counter> pool({.capacity = 100});
    std::vector<counter*> made;
    for (int i = 0; i < 100; ++i) {
        made.push_back(pool.create(&pool));
    }
    pool.destroy(made[10]);
    pool.destroy(made[20]);
    sizes.clear();
    pool.clear();
    REQUIRE(sizes.size() == 98);
    CHECK(sizes.front() - sizes.back() == 97);
    CHECK(pool.size() == 0);
    CHECK(pool.high_water() == 100);
    CHECK_SOUND(pool);
}

TEST_CASE("an object that two others own is destroyed once by the sweep and twice in vain") {
    object_pool<owner<object_pool>> pool({.capacity = objects});
    destroyed.fill(0);
    auto* const shared = pool.create(&pool, 0U);
    pool.create(&pool, 1U)->owned = shared;
    pool.create(&pool, 2U)->owned = shared;
    pool.clear();
    CHECK(destroyed == std::array<int, objects>{1, 1, 1, 0});
}
