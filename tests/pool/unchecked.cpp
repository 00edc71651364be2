// SPDX-License-Identifier: MIT
/// \file
/// The level that somebody asked for by name: nothing is checked but options and exhaustion.

#include "millpond/millpond.hpp"

#include <cstdint>
#include <memory>
#include <random>
#include <set>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "arena_objects.hpp"
#include "child.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

static_assert(!millpond::checked_build);

TEST_CASE("an unchecked pool hands out every block once and stays sound at random") {
    millpond::block_pool pool({.block_bytes = 40, .capacity = 1500});
    std::set<void*> live;
    std::mt19937 random(14);
    bool sound = true;
    for (int step = 0; step < 100'000; ++step) {
        const bool growing = step / 3000 % 2 == 0;
        if (random() % 3 != 0 ? growing : !growing) {
            if (void* const block = pool.try_allocate()) {
                sound = live.insert(block).second && sound;
            }
        } else if (!live.empty()) {
            pool.deallocate(*live.begin());
            live.erase(live.begin());
        }
        sound = sound && pool.size() == live.size();
    }
    CHECK(sound);
    CHECK_SOUND(pool);
    pool.clear();
}

TEST_CASE("an unchecked pool still refuses bad options and exhaustion") {
    CHECK_THROWS_AS(millpond::block_pool({.block_bytes = 0, .capacity = 1}), std::invalid_argument);
    millpond::object_pool<int> pool({.capacity = 1});
    (void)pool.create(1);
    CHECK(pool.try_create(2) == nullptr);
    CHECK_THROWS_AS((void)pool.create(2), millpond::pool_exhausted);
}

TEST_CASE("an unchecked pool ignores null pointers and iterates and clears") {
    millpond::static_object_pool<int, 100> pool;
    pool.destroy(nullptr);
    for (int i = 0; i < 50; ++i) {
        (void)pool.create(i);
    }
    pool.destroy(&*pool.begin());
    int sum = 0;
    for (const int value : pool) {
        sum += value;
    }
    CHECK(sum == 49 * 50 / 2);
    CHECK_SOUND(pool);
    pool.clear();
    CHECK(pool.empty());
}

TEST_CASE("an unchecked pool shares objects, and those that own each other go with it") {
    struct bead {
        explicit bead(int& counter)
            : alive(&counter) {
            ++counter;
        }

        bead(const bead&) = delete;
        bead& operator=(const bead&) = delete;

        ~bead() { --*alive; }

        int* alive;
        std::shared_ptr<bead> next;
    };

    int alive = 0;
    std::weak_ptr<bead> weak;
    {
        millpond::object_pool<bead> pool({.capacity = 10});
        const std::shared_ptr<bead> first = pool.make_shared(alive);
        first->next = pool.make_shared(alive);
        first->next->next = first;
        weak = pool.make_shared(alive);
        CHECK(alive == 2);
        CHECK(pool.size() == 2);
        CHECK(pool.shared_stats().live == 3);
        CHECK_SOUND(pool);
    }
    CHECK(alive == 0);
    CHECK(weak.expired());
}

TEST_CASE("an unchecked arena gives back and destroys and refuses as any other") {
    using millpond::test::destroyed;
    destroyed.clear();
    millpond::arena home({.capacity = 1000});
    (void)home.create<millpond::test::object>(1);
    for (int i = 0; i < 100; ++i) {
        const millpond::arena::scope inner(home);
        (void)home.create<millpond::test::object>(2);
        (void)home.allocate(300, 64);
        CHECK(home.try_allocate(1000) == nullptr);
        CHECK_THROWS_AS((void)home.allocate(SIZE_MAX), millpond::pool_exhausted);
    }
    CHECK(destroyed.size() == 100);
    CHECK_SOUND(home);
    home.clear();
    CHECK(destroyed.size() == 101);
    CHECK(home.size() == 0);
}

TEST_CASE("an unchecked pool does not stop at a double free and reports no leak") {
    const auto result = millpond::test::run_in_child([] {
        millpond::block_pool pool({.block_bytes = 64, .capacity = 10});
        (void)pool.allocate();
        void* const block = pool.allocate();
        void* const other = pool.allocate();
        pool.deallocate(other);
        pool.deallocate(block);
        pool.deallocate(block);
    });
    CHECK(result.signal == 0);
    CHECK(result.error_output.empty());
}

TEST_CASE("an unchecked pool of handles finds nothing through stale handles and those of others") {
    millpond::handle_pool<int> pool({.capacity = 10});
    millpond::handle_pool<int> other({.capacity = 10});
    const millpond::handle<int> stale = pool.create(1);
    CHECK(pool.destroy(stale));
    const millpond::handle<int> live = pool.create(2);
    CHECK(pool.get(stale) == nullptr);
    CHECK(!pool.destroy(stale));
    CHECK(other.get(live) == nullptr);
    CHECK(*pool.get(live) == 2);
    CHECK(pool.handle_of(*pool.begin()) == live);
    CHECK_SOUND(pool);
}
