// SPDX-License-Identifier: MIT
/// \file
/// Objects of one type: pool/object_pool.hpp and pool/typed_pool.hpp.

#include "millpond/pool/object_pool.hpp"

#include <csignal>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "child.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::object_pool;

namespace {

/// Counts the objects that are alive.
struct counted {
    static inline int alive = 0;

    explicit counted(int number = 0)
        : value(number) {
        ++alive;
    }

    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;

    ~counted() { --alive; }

    int value;
};

/// Throws from its constructor when told to.
struct fragile {
    explicit fragile(bool broken) {
        if (broken) {
            throw std::runtime_error("broken");
        }
    }
};

struct point {
    int x;
    int y;
    std::string label;
};

struct alignas(256) page_line {
    char text[3];
};

/// Owns another object of the same pool and destroys it with itself.
struct owner {
    object_pool<owner>* pool = nullptr;
    owner* owned = nullptr;
    static inline int destroyed = 0;

    owner(object_pool<owner>* home, owner* other)
        : pool(home)
        , owned(other) {}

    owner(const owner&) = delete;
    owner& operator=(const owner&) = delete;

    ~owner() {
        ++destroyed;
        if (owned != nullptr) {
            pool->destroy(owned);
        }
    }
};

} // namespace

TEST_CASE("create constructs and destroy destroys exactly once") {
    object_pool<counted> pool({.capacity = 10});
    counted* const first = pool.create(1);
    counted* const second = pool.create(2);
    CHECK(counted::alive == 2);
    CHECK(first->value == 1);
    pool.destroy(first);
    CHECK(counted::alive == 1);
    CHECK(second->value == 2);
    pool.destroy(second);
    CHECK(counted::alive == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a pool destroys the objects that are left when it dies") {
    {
        object_pool<counted> pool({.capacity = 300});
        std::vector<counted*> made;
        for (int i = 0; i < 300; ++i) {
            made.push_back(pool.create(i));
        }
        for (std::size_t i = 0; i < made.size(); i += 3) {
            pool.destroy(made[i]);
        }
        CHECK(counted::alive == 200);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a constructor that throws passes its exception on and leaves its block free") {
    object_pool<fragile> pool({.capacity = 2});
    fragile* const kept = pool.create(false);
    for (int i = 0; i < 5; ++i) {
        CHECK_THROWS_WITH_AS((void)pool.create(true), "broken", std::runtime_error);
        CHECK_THROWS_WITH_AS((void)pool.try_create(true), "broken", std::runtime_error);
        CHECK_THROWS_WITH_AS((void)pool.make_unique(true), "broken", std::runtime_error);
    }
    CHECK(pool.size() == 1);
    CHECK_SOUND(pool);
    CHECK(pool.try_create(false) != nullptr);
    CHECK(pool.try_create(false) == nullptr);
    pool.destroy(kept);
}

TEST_CASE("aggregates are created from their members") {
    object_pool<point> pool({.capacity = 4});
    const point* const made = pool.create(1, 2, "north");
    CHECK(made->x == 1);
    CHECK(made->y == 2);
    CHECK(made->label == "north");
    const point* const zero = pool.try_create();
    REQUIRE(zero != nullptr);
    CHECK(zero->x == 0);
    CHECK(zero->label.empty());
}

TEST_CASE("an over-aligned type gets its alignment from every source") {
    std::vector<std::byte> buffer(
        object_pool<page_line>::buffer_bytes({.capacity = 9, .memory = {}}));
    for (const auto source : {millpond::memory_source::mapped,
                              millpond::memory_source::heap,
                              millpond::memory_source::buffer}) {
        object_pool<page_line> pool(
            {.capacity = 9, .memory = {.source = source, .buffer = buffer}});
        int made = 0;
        while (const page_line* const object = pool.try_create()) {
            CHECK(reinterpret_cast<std::uintptr_t>(object) % 256 == 0);
            ++made;
        }
        CHECK(made == 9);
    }
}

TEST_CASE("a unique owner destroys its object when it goes and can give it up") {
    object_pool<counted> pool({.capacity = 3});
    {
        const auto owned = pool.make_unique(5);
        CHECK(owned->value == 5);
        CHECK(pool.size() == 1);
    }
    CHECK(pool.size() == 0);
    counted* released = nullptr;
    {
        auto owned = pool.make_unique(6);
        auto moved = std::move(owned);
        released = moved.release();
    }
    CHECK(pool.size() == 1);
    pool.destroy(released);
    CHECK(counted::alive == 0);
}

TEST_CASE("destroying a null pointer changes nothing") {
    object_pool<counted> pool({.capacity = 3});
    pool.destroy(nullptr);
    (void)pool.create(1);
    pool.destroy(nullptr);
    CHECK(pool.size() == 1);
    CHECK_SOUND(pool);
}

TEST_CASE("an object that a destructor destroyed before its turn must not be destroyed again") {
    const auto result = millpond::test::run_in_child([] {
        object_pool<owner> pool({.name = "pairs", .capacity = 200});
        owner* const first = pool.create(&pool, nullptr);
        owner* const second = pool.create(&pool, nullptr);
        first->owned = pool.create(&pool, nullptr);
        second->owned = first->owned;
        pool.clear();
    });
    CHECK(result.signal == SIGABRT);
    CHECK(result.error_output.find("pool 'pairs': free of ") != std::string::npos);
    CHECK(result.error_output.ends_with(": freed twice\n"));
}

TEST_CASE("an object that clear has destroyed must not be destroyed afterwards") {
    const auto result = millpond::test::run_in_child([] {
        object_pool<owner> pool({.name = "cleared", .capacity = 200});
        owner* const kept = pool.create(&pool, nullptr);
        pool.clear();
        pool.destroy(kept);
    });
    CHECK(result.signal == SIGABRT);
    CHECK(result.error_output.ends_with(": never allocated\n"));
}

TEST_CASE("a destructor that destroys its own object stops before it runs a second time") {
    for (const bool front_is_taken : {false, true}) {
        const auto result = millpond::test::run_in_child([&] {
            object_pool<owner> pool({.name = "selfish", .capacity = 200});
            owner* const other = pool.create(&pool, nullptr);
            owner* const self = pool.create(&pool, nullptr);
            self->owned = self;
            if (front_is_taken) {
                pool.destroy(other);
            }
            pool.destroy(self);
        });
        CHECK(result.signal == SIGABRT);
        CHECK(result.error_output.ends_with(": freed twice\n"));
    }
}

TEST_CASE("two objects whose destructors destroy each other stop instead of going round") {
    const auto result = millpond::test::run_in_child([] {
        object_pool<owner> pool({.name = "pair", .capacity = 200});
        owner* const one = pool.create(&pool, nullptr);
        one->owned = pool.create(&pool, one);
        pool.destroy(one);
    });
    CHECK(result.signal == SIGABRT);
    CHECK(result.error_output.ends_with(": freed twice\n"));
}

TEST_CASE("a destructor may destroy and create other objects of its pool") {
    owner::destroyed = 0;
    object_pool<owner> pool({.capacity = 3});
    owner* const leaf = pool.create(&pool, nullptr);
    owner* const root = pool.create(&pool, leaf);
    pool.destroy(root);
    CHECK(owner::destroyed == 2);
    CHECK(pool.size() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a moved pool keeps its objects and the empty one destroys nothing") {
    object_pool<counted> first({.capacity = 100});
    counted* const object = first.create(9);
    {
        object_pool<counted> second(std::move(first));
        CHECK(second.size() == 1);
        CHECK(object->value == 9);
        // NOLINTBEGIN(bugprone-use-after-move): what a pool says after a move is the subject
        CHECK(first.try_create(1) == nullptr);
        CHECK(first.begin() == first.end());
        first.clear();
        CHECK_SOUND(first);
        // NOLINTEND(bugprone-use-after-move)
        CHECK(counted::alive == 1);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a pool that is assigned to destroys its own objects first") {
    object_pool<counted> first({.capacity = 10});
    object_pool<counted> second({.capacity = 20});
    (void)first.create(1);
    (void)first.create(2);
    const counted* const kept = second.create(3);
    first = std::move(second);
    CHECK(counted::alive == 1);
    CHECK(kept->value == 3);
    CHECK(first.capacity() == 20);
    CHECK_SOUND(first);
    first.clear();
}

TEST_CASE("reserve makes room at once and refuses what is beyond the maximum") {
    object_pool<int> pool({.name = "ints", .capacity = 10, .max_capacity = 3'000'000});
    pool.reserve(2'000'000);
    CHECK(pool.capacity() >= 2'000'000);
    CHECK_THROWS_WITH_AS(pool.reserve(3'000'001),
                         "millpond: pool 'ints' is exhausted: capacity 3000000, peak 0",
                         millpond::pool_exhausted);
    CHECK_SOUND(pool);
}
