// SPDX-License-Identifier: MIT
/// \file
/// Visiting live objects in address order, also while they come and go.

#include "millpond/pool/handle_pool.hpp"
#include "millpond/pool/object_pool.hpp"
#include "millpond/pool/static_pool.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <functional>
#include <iterator>
#include <optional>
#include <random>
#include <ranges>
#include <set>
#include <utility>
#include <vector>

#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::object_pool;

static_assert(std::ranges::bidirectional_range<object_pool<int>>);
static_assert(std::ranges::bidirectional_range<const object_pool<int>>);
static_assert(std::ranges::bidirectional_range<millpond::static_object_pool<int, 3>>);
static_assert(std::ranges::contiguous_range<millpond::handle_pool<int>>);
static_assert(std::forward_iterator<object_pool<int>::reverse_iterator>);
static_assert(std::is_same_v<std::ranges::range_reference_t<const object_pool<int>>, const int&>);

namespace {

/// Objects at these places of a pool, which lie in three words, are live or not; all others are not.
constexpr std::array<std::size_t, 6> places = {0, 1, 63, 64, 127, 129};
constexpr std::size_t pool_objects = 130;

/// Calls `body` with a pool in which the objects at a choice of places are live, each with its place as
/// value, and with those places; for every choice.
template <class Body>
int for_each_choice(Body body) {
    for (std::size_t chosen = 0; chosen < std::size_t{1} << places.size(); ++chosen) {
        millpond::static_object_pool<std::size_t, pool_objects> pool;
        std::vector<std::size_t*> objects;
        for (std::size_t i = 0; i < pool_objects; ++i) {
            objects.push_back(pool.create(i));
        }
        std::vector<std::size_t> live;
        for (std::size_t i = 0; i < pool_objects; ++i) {
            const auto place = std::ranges::find(places, i);
            if (place != places.end() && (chosen >> (place - places.begin()) & 1) != 0) {
                live.push_back(i);
            } else {
                pool.destroy(objects[i]);
            }
        }
        body(pool, live, objects);
    }
    return 1 << places.size();
}

/// The nearest live place on one side.
std::optional<std::size_t>
next_to(const std::vector<std::size_t>& live, std::optional<std::size_t> from, bool up) {
    std::optional<std::size_t> nearest;
    for (const std::size_t place : live) {
        const bool beyond = !from.has_value() || (up ? place > *from : place < *from);
        if (beyond && (!nearest.has_value() || (up ? place < *nearest : place > *nearest))) {
            nearest = place;
        }
    }
    return nearest;
}

} // namespace

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

TEST_CASE(
    "every short walk up and down visits what a model says, also when objects go on the way") {
    constexpr std::size_t steps = 5;

    enum step : std::size_t { up, down, destroy_here, step_kinds };

    std::size_t walks = 0;
    bool right = true;
    for_each_choice([&](auto& pool, const std::vector<std::size_t>& live, const auto& objects) {
        for (std::size_t walk = 0; walk < 243; ++walk) {
            std::vector<std::size_t> left = live;
            auto at = pool.begin();
            std::optional<std::size_t> expected = next_to(left, std::nullopt, true);
            std::size_t rest = walk;
            for (std::size_t i = 0; i < steps; ++i, rest /= step_kinds) {
                if (rest % step_kinds == up && expected.has_value()) {
                    ++at;
                    expected = next_to(left, expected, true);
                } else if (rest % step_kinds == down) {
                    --at;
                    expected = next_to(left, expected, false);
                } else if (rest % step_kinds == destroy_here && expected.has_value() &&
                           std::erase(left, *expected) != 0) {
                    pool.destroy(objects[*expected]);
                }
                right = right && (at == pool.end()) == !expected.has_value();
                if (expected.has_value() && std::ranges::count(left, *expected) != 0) {
                    right = right && *at == *expected;
                }
            }
            ++walks;
            if (left.size() == live.size()) {
                continue;
            }
            pool.clear(); // what follows makes the same objects live again
            std::vector<std::size_t*> again;
            for (std::size_t i = 0; i < pool_objects; ++i) {
                again.push_back(pool.create(i));
            }
            for (std::size_t i = 0; i < pool_objects; ++i) {
                if (std::ranges::count(live, i) == 0) {
                    pool.destroy(again[i]);
                }
            }
            right = right && again == objects;
        }
    });
    CHECK(right);
    CHECK(walks == 64 * 243);
}

TEST_CASE("backward iteration visits exactly the live objects from the highest address down") {
    int choices = for_each_choice([](auto& pool, std::vector<std::size_t> live, const auto&) {
        std::ranges::reverse(live);
        std::vector<std::size_t> seen;
        for (auto at = pool.rbegin(); at != pool.rend(); ++at) {
            seen.push_back(*at);
        }
        CHECK(seen == live);
        seen.clear();
        std::ranges::reverse_copy(std::as_const(pool), std::back_inserter(seen));
        CHECK(seen == live);
    });
    CHECK(choices == 64);
}

TEST_CASE("going backward, the object at the iterator or any further on may be destroyed") {
    for_each_choice([](auto& pool, std::vector<std::size_t> live, const auto& objects) {
        std::ranges::reverse(live);
        std::vector<std::size_t> seen;
        std::vector<std::size_t> expected;
        for (std::size_t i = 0; i < live.size(); i += i % 3 == 1 ? 2 : 1) {
            expected.push_back(live[i]);
        }
        std::size_t turn = 0;
        for (auto at = pool.rbegin(); at != pool.rend(); ++at) {
            seen.push_back(*at);
            if (turn % 3 == 1 && turn + 1 < live.size()) {
                pool.destroy(objects[live[turn + 1]]);
                ++turn;
            }
            pool.destroy(&*at);
            ++turn;
        }
        CHECK(seen == expected);
        CHECK(pool.empty());
    });
}

TEST_CASE("an object created behind the end of a backward iteration is not visited") {
    object_pool<int> pool({.capacity = 300});
    for (int i = 0; i < 100; ++i) {
        (void)pool.create(i);
    }
    std::vector<int> seen;
    for (auto at = pool.rbegin(); at != pool.rend(); at++) {
        seen.push_back(*at);
        (void)pool.try_create(1000);
    }
    CHECK(seen.size() == 100);
    CHECK(std::ranges::is_sorted(seen, std::greater<>()));
}

TEST_CASE("a pool without objects has nothing to visit backward") {
    object_pool<int> pool({.capacity = 300});
    CHECK(pool.rbegin() == pool.rend());
    pool.destroy(pool.create(1));
    CHECK(pool.rbegin() == pool.rend());
    const object_pool<int> taken(std::move(pool));
    CHECK(taken.rbegin() == taken.rend());
    // NOLINTNEXTLINE(bugprone-use-after-move): what a pool says after a move is the subject
    CHECK(pool.rbegin() == pool.rend());
}

TEST_CASE("objects behind handles are visited from last to first, also when they go on the way") {
    millpond::handle_pool<int> pool({.capacity = 100});
    for (int i = 0; i < 100; ++i) {
        (void)pool.create(i);
    }
    std::vector<int> seen;
    for (auto at = pool.rbegin(); at != pool.rend(); ++at) {
        seen.push_back(*at);
        if (*at % 3 == 0) {
            pool.destroy(pool.handle_of(*at));
        }
    }
    CHECK(seen.size() == 100);
    CHECK(std::ranges::is_sorted(seen, std::greater<>()));
    CHECK(pool.size() == 66);
    CHECK(*std::as_const(pool).rbegin() == *(pool.end() - 1));
    CHECK(&*(pool.rend() - 1) == &*pool.begin());
}
