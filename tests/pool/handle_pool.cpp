// SPDX-License-Identifier: MIT
/// \file
/// Objects behind handles: pool/handle_pool.hpp.

#include "millpond/pool/handle_pool.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <type_traits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "child.hpp"
#include "handle_sound.hpp"
#include <doctest/doctest.h>

using millpond::handle;
using millpond::handle_pool;
using millpond::memory_source;
using millpond::test::object_of;

namespace {

/// Counts the objects that are alive, those that were moved from included.
struct counted {
    static inline int alive = 0;

    explicit counted(int number = 0)
        : value(number) {
        ++alive;
    }

    counted(counted&& other) noexcept
        : value(std::exchange(other.value, -1)) {
        ++alive;
    }

    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    counted& operator=(counted&&) = delete;

    ~counted() { --alive; }

    int value;
};

struct point {
    int x;
    int y;
    std::string label;
};

struct body {
    std::uint64_t number;
    std::array<std::uint64_t, 5> rest{};
};

} // namespace

static_assert(std::is_nothrow_move_constructible_v<handle_pool<int>>);
static_assert(!std::is_copy_constructible_v<handle_pool<int>>);
static_assert(
    std::is_same_v<decltype(std::declval<const handle_pool<int>&>().get({})), const int*>);
static_assert(std::is_same_v<handle_pool<int>::iterator, int*>);

TEST_CASE("a handle leads to its object until it is destroyed and to nothing for ever after") {
    handle_pool<counted> pool({.capacity = 10});
    const handle<counted> first = pool.create(1);
    const handle<counted> second = pool.create(2);
    REQUIRE(pool.get(first) != nullptr);
    CHECK(object_of(pool, first).value == 1);
    CHECK(pool.contains(first));
    CHECK(pool.destroy(first));
    CHECK(counted::alive == 1);
    for (int i = 0; i < 1000; ++i) {
        CHECK(pool.get(first) == nullptr);
        CHECK(!pool.contains(first));
        CHECK(!pool.destroy(first));
        CHECK(pool.destroy(pool.create(i))); // in the slot that was the first's
    }
    CHECK(object_of(pool, second).value == 2);
    CHECK(std::as_const(pool).get(second) == pool.get(second));
    CHECK_HANDLES_SOUND(pool);
}

TEST_CASE("the slot that was freed last is used first") {
    handle_pool<int> pool({.capacity = 10});
    const auto slot_of = [](handle<int> named) { return named.value() & 15; };
    const std::array made = {pool.create(0), pool.create(1), pool.create(2), pool.create(3)};
    pool.destroy(made[2]);
    pool.destroy(made[0]);
    CHECK(slot_of(pool.create(4)) == slot_of(made[0]));
    CHECK(slot_of(pool.create(5)) == slot_of(made[2]));
    CHECK(slot_of(pool.create(6)) == 4);
}

TEST_CASE("the null handle leads nowhere in any pool") {
    handle_pool<int> pool({.capacity = 3});
    CHECK(pool.get({}) == nullptr);
    CHECK(!pool.destroy({}));
    for (int i = 0; i < 3; ++i) {
        CHECK(pool.create(i));
        CHECK(pool.get({}) == nullptr);
        CHECK(!pool.contains({}));
        CHECK(!pool.destroy({}));
    }
}

TEST_CASE("a handle of a pool with another tag leads nowhere") {
    handle_pool<int> one({.capacity = 100});
    handle_pool<int> other({.capacity = 100});
    std::vector<handle<int>> foreign;
    for (int i = 0; i < 100; ++i) {
        (void)one.create(i);
        foreign.push_back(other.create(i));
    }
    for (const handle<int> named : foreign) {
        CHECK(one.get(named) == nullptr);
        CHECK(!one.destroy(named));
        CHECK(other.contains(named));
    }
    CHECK(one.size() == 100);
}

TEST_CASE("255 pools in a row have 255 tags and none has the null handle's") {
    std::set<std::uint64_t> tags;
    for (int i = 0; i < 255; ++i) {
        handle_pool<int> pool({.capacity = 1, .memory = {.source = memory_source::heap}});
        tags.insert(pool.create(1).value() >> 56);
    }
    CHECK(tags.size() == 255);
    CHECK(!tags.contains(0));
}

TEST_CASE("no value near a live handle leads to an object but the handle itself") {
    handle_pool<int> pool({.capacity = 5});
    const std::array made = {
        pool.create(0), pool.create(1), pool.create(2), pool.create(3), pool.create(4)};
    pool.destroy(made[1]);
    pool.destroy(made[3]);
    std::size_t found = 0;
    for (const handle<int> named : made) {
        for (int low = 0; low < 64; ++low) {
            for (int high = 0; high <= low; ++high) {
                const std::uint64_t flipped =
                    named.value() ^ (std::uint64_t{1} << low) ^ (std::uint64_t{1} << high);
                const auto near = handle<int>::from_value(flipped);
                const bool known =
                    std::count(made.begin(), made.end(), near) != 0 && pool.contains(near);
                REQUIRE((pool.get(near) != nullptr) == known);
                found += known ? 1U : 0U;
            }
        }
    }
    CHECK(found > 0);
}

TEST_CASE(
    "every value of the tag and of the first slots and generations is found only if it was given") {
    handle_pool<int> pool({.capacity = 8, .generations = 3}); // four slots were never used
    std::unordered_set<handle<int>> live;
    for (int i = 0; i < 4; ++i) {
        live.insert(pool.create(i));
    }
    for (int i = 0; i < 2; ++i) {
        const handle<int> gone = *live.begin();
        live.erase(gone);
        pool.destroy(gone);
    }
    std::size_t found = 0;
    for (std::uint64_t tag = 0; tag < 256; ++tag) {
        for (std::uint64_t rest = 0; rest < 64; ++rest) {
            const auto named = handle<int>::from_value(tag << 56 | rest);
            REQUIRE(pool.contains(named) == live.contains(named));
            found += pool.contains(named) ? 1U : 0U;
        }
    }
    CHECK(found == 2);
}

TEST_CASE("objects lie side by side whatever is destroyed") {
    handle_pool<body> pool({.capacity = 100});
    std::vector<handle<body>> made;
    made.reserve(100);
    for (std::uint64_t i = 0; i < 100; ++i) {
        made.push_back(pool.create(i));
    }
    for (std::size_t i = 0; i < 100; i += 3) {
        CHECK(pool.destroy(made[i]));
        CHECK(pool.objects().size() == pool.size());
        CHECK(pool.end() - pool.begin() == static_cast<std::ptrdiff_t>(pool.size()));
    }
    std::set<std::uint64_t> seen;
    for (const body& each : std::as_const(pool)) {
        seen.insert(each.number);
    }
    CHECK(seen.size() == 66);
    CHECK(std::none_of(seen.begin(), seen.end(), [](std::uint64_t n) { return n % 3 == 0; }));
    CHECK(std::as_const(pool).objects().data() == pool.begin());
}

TEST_CASE("destroying moves the last object into the gap and leaves all others where they are") {
    handle_pool<counted> pool({.capacity = 10});
    const std::array made = {
        pool.create(0), pool.create(1), pool.create(2), pool.create(3), pool.create(4)};
    const counted* const gap = pool.get(made[1]);
    const counted* const untouched = pool.get(made[2]);
    CHECK(pool.destroy(made[1]));
    CHECK(pool.get(made[4]) == gap);
    CHECK(gap->value == 4);
    CHECK(pool.get(made[2]) == untouched);
    CHECK(counted::alive == 4);
}

TEST_CASE("handle_of gives the handle of every object back") {
    handle_pool<body> pool({.capacity = 50});
    std::vector<handle<body>> made;
    for (std::uint64_t i = 0; i < 50; ++i) {
        made.push_back(pool.create(i));
    }
    for (std::size_t i = 0; i < 50; i += 2) {
        pool.destroy(made[i]);
    }
    for (const body& each : pool) {
        CHECK(pool.handle_of(each) == made[each.number]);
    }
}

TEST_CASE("handle_of what is no object of the pool stops and says so") {
    const auto stopped = [](auto choose) {
        return millpond::test::run_in_child([&] {
            handle_pool<body> pool({.name = "bodies", .capacity = 50});
            for (std::uint64_t i = 0; i < 10; ++i) {
                (void)pool.create(i);
            }
            (void)pool.handle_of(choose(pool));
        });
    };
    const auto foreign = stopped([](auto&) -> const body& {
        static const body outside{};
        return outside;
    });
    CHECK(foreign.signal == SIGABRT);
    CHECK(foreign.error_output.starts_with("millpond: pool 'bodies': handle of 0x"));
    CHECK(foreign.error_output.find(": not a block of this pool, which is 0x") !=
          std::string::npos);
    const auto behind = stopped([](auto& pool) -> const body& { return *pool.end(); });
    CHECK(behind.signal == SIGABRT);
    CHECK(behind.error_output.ends_with(": no live object\n"));
    const auto inside = stopped([](auto& pool) -> const body& {
        return *reinterpret_cast<const body*>(reinterpret_cast<const char*>(pool.begin()) + 8);
    });
    CHECK(inside.signal == SIGABRT);
    CHECK(inside.error_output.find(": 8 bytes inside the block at 0x") != std::string::npos);
}

TEST_CASE("aggregates and types that only move are created and moved") {
    handle_pool<point> points({.capacity = 4});
    const handle<point> south = points.create(0, 0, "south");
    const handle<point> north =
        points.create(1, 2, "a label that does not fit into the string itself");
    points.destroy(south);
    CHECK(object_of(points, north).label == "a label that does not fit into the string itself");
    handle_pool<std::unique_ptr<int>> owners({.capacity = 4});
    const auto one = owners.create(std::make_unique<int>(1));
    const auto two = owners.create(std::make_unique<int>(2));
    owners.destroy(one);
    CHECK(*object_of(owners, two) == 2);
}

TEST_CASE("clear destroys every object and leaves every handle stale") {
    handle_pool<counted> pool({.capacity = 100});
    std::vector<handle<counted>> made;
    for (int round = 0; round < 3; ++round) {
        for (int i = 0; i < 70; ++i) {
            made.push_back(pool.create(i));
        }
        pool.clear();
        CHECK(counted::alive == 0);
        CHECK(pool.empty());
        CHECK(std::none_of(made.begin(), made.end(), [&](auto h) { return pool.contains(h); }));
        CHECK_HANDLES_SOUND(pool);
    }
    CHECK(std::set<handle<counted>>(made.begin(), made.end()).size() == made.size());
    CHECK(pool.high_water() == 70);
}

TEST_CASE("a pool destroys the objects that are left when it dies") {
    {
        handle_pool<counted> pool({.capacity = 300});
        for (int i = 0; i < 300; ++i) {
            (void)pool.create(i);
        }
        CHECK(counted::alive == 300);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a moved pool keeps its objects and handles and the empty one finds nothing") {
    handle_pool<counted> first({.name = "one", .capacity = 100});
    const handle<counted> named = first.create(9);
    const counted* const where = first.get(named);
    {
        handle_pool<counted> second(std::move(first));
        CHECK(second.get(named) == where);
        // NOLINTBEGIN(bugprone-use-after-move): what a pool says after a move is the subject
        CHECK(first.get(named) == nullptr);
        CHECK(!first.destroy(named));
        CHECK(!first.try_create(1));
        CHECK(first.begin() == first.end());
        CHECK(first.capacity() == 0);
        first.clear();
        CHECK_HANDLES_SOUND(first);
        const auto stopped =
            millpond::test::run_in_child([&] { (void)first.handle_of(object_of(second, named)); });
        CHECK(stopped.error_output.ends_with(": the pool was moved from\n"));
        // NOLINTEND(bugprone-use-after-move)
        CHECK(counted::alive == 1);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a pool that is assigned to destroys its own objects and takes over handles") {
    handle_pool<counted> first({.capacity = 10});
    handle_pool<counted> second({.capacity = 20});
    const handle<counted> lost = first.create(1);
    const handle<counted> kept = second.create(3);
    first = std::move(second);
    CHECK(counted::alive == 1);
    CHECK(object_of(first, kept).value == 3);
    CHECK(first.get(lost) == nullptr);
    CHECK(first.capacity() == 20);
    CHECK_HANDLES_SOUND(first);
}

TEST_CASE("through a destroyed pool nothing is found, and creating an object stops the program") {
    alignas(handle_pool<int>) std::array<std::byte, sizeof(handle_pool<int>)> place{};
    auto* pool = ::new (place.data()) handle_pool<int>({.name = "gone", .capacity = 10});
    const handle<int> named = pool->create(1);
    std::destroy_at(pool);
    asm volatile("" : "+r"(pool) : : "memory"); // the compiler assumes nothing of it
    CHECK(pool->get(named) == nullptr);
    CHECK(!pool->destroy(named));
    CHECK(pool->empty());
    const auto stopped = millpond::test::run_in_child([&] { (void)pool->try_create(2); });
    CHECK(stopped.error_output == "millpond: pool 'gone': allocation: the pool is destroyed\n");
}
