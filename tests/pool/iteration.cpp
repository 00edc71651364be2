// SPDX-License-Identifier: MIT
/// \file
/// Visiting live objects in address order, also while they come and go.

#include "millpond/pool/object_pool.hpp"

#include <algorithm>
#include <iterator>
#include <random>
#include <ranges>
#include <set>
#include <vector>

#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::object_pool;

static_assert(std::ranges::forward_range<object_pool<int>>);
static_assert(std::ranges::forward_range<const object_pool<int>>);
static_assert(std::is_same_v<std::ranges::range_reference_t<const object_pool<int>>, const int&>);

TEST_CASE("iteration visits exactly the live objects in address order after any history") {
    object_pool<int> pool({.capacity = 1000});
    std::set<int*> live;
    std::mt19937 random(8);
    bool same = true;
    for (int step = 0; step < 4000; ++step) {
        if (random() % 2 == 0) {
            if (int* const object = pool.try_create(step)) {
                live.insert(object);
            }
        } else if (!live.empty()) {
            auto victim = live.lower_bound(*live.begin() + random() % 1000);
            victim = victim == live.end() ? live.begin() : victim;
            pool.destroy(*victim);
            live.erase(victim);
        }
        auto expected = live.begin();
        for (int& object : pool) {
            same = same && expected != live.end() && *expected == &object;
            ++expected;
        }
        same = same && expected == live.end();
    }
    CHECK(same);
}

TEST_CASE("the object at the iterator may be destroyed before the next step") {
    object_pool<int> pool({.capacity = 500});
    for (int i = 0; i < 500; ++i) {
        (void)pool.create(i);
    }
    int visited = 0;
    for (auto it = pool.begin(); it != pool.end(); ++it) {
        CHECK(*it == visited);
        ++visited;
        if (visited % 2 == 0) {
            pool.destroy(&*it);
        }
    }
    CHECK(visited == 500);
    CHECK(pool.size() == 250);
    CHECK(std::ranges::all_of(pool, [](int value) { return value % 2 == 0; }));
}

TEST_CASE("an object destroyed before its turn is not visited") {
    object_pool<int> pool({.capacity = 100});
    std::vector<int*> objects;
    for (int i = 0; i < 100; ++i) {
        objects.push_back(pool.create(i));
    }
    std::vector<int> seen;
    for (const int& object : pool) {
        seen.push_back(object);
        if (object % 2 == 0 && object + 1 < 100) {
            pool.destroy(objects[static_cast<std::size_t>(object) + 1]);
        }
    }
    CHECK(seen.size() == 50);
    CHECK(std::ranges::all_of(seen, [](int value) { return value % 2 == 0; }));
}

TEST_CASE("objects created during iteration end it all the same") {
    object_pool<int> pool({.capacity = 300});
    for (int i = 0; i < 10; ++i) {
        (void)pool.create(i);
    }
    std::size_t visited = 0;
    for ([[maybe_unused]] const int& object : pool) {
        ++visited;
        (void)pool.try_create(100);
    }
    CHECK(visited >= 10);
    CHECK(visited <= 300);
    CHECK_SOUND(pool);
}

TEST_CASE("clearing a pool ends an iteration over it at the next step") {
    object_pool<int> pool({.capacity = 300});
    for (int i = 0; i < 200; ++i) {
        (void)pool.create(i);
    }
    auto it = pool.begin();
    ++it;
    pool.clear();
    ++it;
    CHECK(it == pool.end());
}

TEST_CASE("the block that was freed last is not visited although it waits to be handed out") {
    object_pool<int> pool({.capacity = 8});
    int* const first = pool.create(1);
    int* const second = pool.create(2);
    pool.destroy(first);
    CHECK(std::ranges::distance(pool) == 1);
    CHECK(&*pool.begin() == second);
    pool.destroy(second);
    CHECK(pool.begin() == pool.end());
}

TEST_CASE("a copy of an iterator made by postfix increment stays where it was") {
    object_pool<int> pool({.capacity = 8});
    (void)pool.create(1);
    (void)pool.create(2);
    auto it = pool.begin();
    const auto before = it++;
    CHECK(*before == 1);
    CHECK(*it == 2);
    CHECK_FALSE(before == it);
}
