// SPDX-License-Identifier: MIT
/// \file
/// Blocks and room for objects that are set aside, so that allocations cannot fail:
/// pool/reservation.hpp.

#include "millpond/millpond.hpp"

#include <array>
#include <atomic>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "crew.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::pool_exhausted;
using millpond::test::drain;
using millpond::test::effort;
using millpond::test::free_all;
using millpond::test::run_together;

static_assert(noexcept(std::declval<concurrent_block_pool::reservation&>().try_allocate()));

namespace {

/// Takes everything that a reservation has left.
std::vector<void*> take_all(concurrent_block_pool::reservation& aside) {
    std::vector<void*> blocks;
    while (void* const block = aside.try_allocate()) {
        blocks.push_back(block);
    }
    return blocks;
}

} // namespace

TEST_CASE("a reservation gives as many blocks as were set aside although the pool is full") {
    for (const std::size_t wanted : {1U, 2U, 63U, 64U, 65U, 500U}) {
        CAPTURE(wanted);
        concurrent_block_pool pool({.block_bytes = 64, .capacity = 500, .threads = 2});
        auto aside = pool.reserve_tokens(wanted);
        CHECK(aside.remaining() == wanted);
        CHECK(pool.stats().reserved == wanted);
        std::vector<void*> others;
        std::thread([&] { others = drain(pool); }).join();
        CHECK(others.size() == pool.stats().blocks - wanted);
        CHECK(pool.try_allocate() == nullptr);
        CHECK_SOUND(pool);
        std::vector<void*> mine = take_all(aside);
        CHECK(mine.size() == wanted);
        CHECK(aside.remaining() == 0);
        CHECK(aside.try_allocate() == nullptr);
        CHECK(pool.stats().reserved == 0);
        std::set<void*> distinct(mine.begin(), mine.end());
        distinct.insert(others.begin(), others.end());
        CHECK(distinct.size() == pool.stats().blocks);
        free_all(pool, mine);
        free_all(pool, others);
        CHECK_SOUND(pool);
    }
}

TEST_CASE("what a reservation does not use goes back when it dies and when it is released") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 300, .threads = 2});
    const std::size_t all = pool.stats().blocks;
    {
        auto aside = pool.reserve_tokens(300);
        pool.deallocate(aside.allocate());
        CHECK(aside.remaining() == 299);
        CHECK_SOUND(pool);
    }
    CHECK(pool.stats().reserved == 0);
    CHECK_SOUND(pool);
    CHECK(millpond::test::count_available(pool) == all);
    auto aside = pool.reserve_tokens(100);
    aside.release();
    CHECK(aside.remaining() == 0);
    CHECK(aside.try_allocate() == nullptr);
    aside.release();
    CHECK(millpond::test::count_available(pool) == all);
    CHECK_SOUND(pool);
}

TEST_CASE("a reservation of more than there is throws and keeps none") {
    concurrent_block_pool pool({.name = "aside", .block_bytes = 64, .capacity = 300, .threads = 2});
    const std::size_t all = pool.stats().blocks;
    CHECK_THROWS_AS((void)pool.reserve_tokens(all + 1), pool_exhausted);
    CHECK(pool.stats().reserved == 0);
    CHECK_SOUND(pool);
    auto first = pool.reserve_tokens(all - 10);
    CHECK_THROWS_WITH_AS((void)pool.reserve_tokens(11),
                         "millpond: pool 'aside' is exhausted: capacity 300",
                         pool_exhausted);
    CHECK(pool.stats().reserved == all - 10);
    auto second = pool.reserve_tokens(10);
    std::vector<void*> blocks = take_all(second);
    CHECK(blocks.size() == 10);
    CHECK_SOUND(pool);
    CHECK(pool.size_estimate() == 10);
    CHECK(first.remaining() == all - 10);
    free_all(pool, blocks);
}

TEST_CASE("a reservation of nothing works and has nothing") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 1});
    auto aside = pool.reserve_tokens(0);
    CHECK(aside.try_allocate() == nullptr);
    void* const only = pool.allocate();
    auto none = pool.reserve_tokens(0);
    CHECK(none.remaining() == 0);
    pool.deallocate(only);
}

TEST_CASE("a reservation moves with what it has left, to another object and another thread") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 100, .threads = 2});
    auto first = pool.reserve_tokens(10);
    pool.deallocate(first.allocate());
    auto second = std::move(first);
    CHECK(first.remaining() == 0); // NOLINT(bugprone-use-after-move): this is the promise
    CHECK(first.try_allocate() == nullptr);
    CHECK(second.remaining() == 9);
    auto third = pool.reserve_tokens(5);
    third = std::move(second);
    CHECK(third.remaining() == 9);
    second.release(); // has what the third had, or nothing
    CHECK(pool.stats().reserved == 9);
    std::size_t taken = 0;
    std::thread([&taken, &pool, aside = std::move(third)]() mutable {
        std::vector<void*> blocks = take_all(aside);
        taken = blocks.size();
        free_all(pool, blocks);
    }).join();
    CHECK(taken == 9);
    CHECK(pool.stats().reserved == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("reservations hold what they promise while other threads fight for every block") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 150, .threads = 4});
    std::atomic<int> broken = 0;
    std::atomic<int> kept = 0;
    run_together(4, [&](std::size_t self) {
        for (std::size_t step = 0; step < effort<std::size_t>(10'000, 1'000, 50); ++step) {
            if (self == 0) {
                std::vector<void*> blocks = drain(pool);
                free_all(pool, blocks);
                continue;
            }
            try {
                const std::size_t wanted = 1 + (step + self) % 70;
                auto aside = pool.reserve_tokens(wanted);
                ++kept;
                std::vector<void*> blocks;
                for (std::size_t i = 0; i < wanted - step % 2; ++i) {
                    blocks.push_back(aside.allocate());
                    broken += blocks.back() == nullptr ? 1 : 0;
                }
                free_all(pool, blocks);
            } catch (const pool_exhausted&) {
                std::this_thread::yield();
            }
        }
    });
    CHECK(broken == 0);
    CHECK(kept > 0);
    CHECK(pool.size_estimate() == 0);
    CHECK(pool.stats().reserved == 0);
    CHECK_SOUND(pool);
    CHECK(millpond::test::count_available(pool) == pool.stats().blocks);
}

TEST_CASE("all the capacity can be set aside however much other threads keep") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 1'000, .threads = 2});
    CHECK(millpond::test::count_available(pool) == pool.stats().blocks); // leaves a full magazine
    std::size_t had = 0;
    std::thread([&] { had = pool.reserve_tokens(1'000).remaining(); }).join();
    CHECK(had == 1'000);
    CHECK_SOUND(pool);
}

TEST_CASE("a reservation of an object pool creates that many objects in a full pool") {
    millpond::concurrent_object_pool<std::string> pool({.capacity = 50, .threads = 2});
    auto aside = pool.reserve_tokens(3);
    std::vector<std::string*> objects;
    while (std::string* const made = pool.try_create("other")) {
        objects.push_back(made);
    }
    for (std::size_t left = 3; left > 0; --left) {
        CHECK(aside.remaining() == left);
        objects.push_back(aside.create(5U, 'x'));
        REQUIRE(objects.back() != nullptr);
        CHECK(*objects.back() == "xxxxx");
    }
    CHECK(aside.try_create("one more") == nullptr);
    CHECK_THROWS_AS((void)pool.reserve_tokens(1), pool_exhausted);
    for (std::string* const object : objects) {
        pool.destroy(object);
    }
    CHECK_SOUND(pool);
}
