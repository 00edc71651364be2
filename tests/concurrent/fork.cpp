// SPDX-License-Identifier: MIT
/// \file
/// A fork of a program with busy threads: the child uses the pools at once and brings them to rights
/// when it wants to; the parent notices nothing.

#include "millpond/millpond.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "crew.hpp"
#include "forking.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::test::busy_crew;
using millpond::test::check_children;
using millpond::test::count_available;
using millpond::test::require;
using millpond::test::run_in_child;
using millpond::test::skips_forks;
using millpond::test::stuck_s;

namespace {

constexpr int forks = 50;

/// What a thread of the crew holds at most.
constexpr std::size_t most_held = 24;

/// Allocates and frees in every way. Uses no other memory, so that a child finds the heap unlocked.
void use_without_pause(concurrent_block_pool& pool, std::size_t number) {
    std::array<void*, most_held> blocks{};
    const std::size_t some = number % 2 == 0 ? most_held : most_held / 2;
    const std::size_t had = pool.try_allocate_bulk(std::span(blocks).first(some));
    const std::span<void*> mine = std::span(blocks).first(had);
    if (number == 1) {
        pool.deallocate_bulk(mine);
        return;
    }
    for (void* const block : mine) {
        number == 2 ? pool.deallocate_direct(block) : pool.deallocate(block);
    }
}

} // namespace

TEST_CASE("the child of a program with busy threads allocates and frees at once") {
    if (skips_forks()) {
        return;
    }
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 300, .threads = 3});
    void* const mine = pool.allocate();
    {
        const busy_crew others(3, [&pool](std::size_t number) { use_without_pause(pool, number); });
        check_children(forks, [&](int /*round*/) {
            require(count_available(pool) >= 300 - 3 * most_held - 1, "too few blocks");
            pool.deallocate(mine);
            pool.deallocate(pool.allocate());
            auto aside = pool.reserve_tokens(10);
            pool.deallocate(aside.allocate());
            require(pool.try_allocate_for(std::chrono::seconds(0)) != nullptr, "no block in time");
        });
    }
    pool.deallocate(mine);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
    CHECK(count_available(pool) == pool.stats().blocks);
}

TEST_CASE("a child that recovers has a sound pool and every block that was not live") {
    if (skips_forks()) {
        return;
    }
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 300, .threads = 3});
    void* const mine = pool.allocate();
    auto aside = pool.reserve_tokens(20);
    {
        const busy_crew others(3, [&pool](std::size_t number) { use_without_pause(pool, number); });
        check_children(forks, [&](int /*round*/) {
            millpond::recover_after_fork();
            const std::string fault = millpond::test::fault_of(pool);
            require(fault.empty(), fault);
            const std::size_t live = pool.size_estimate();
            require(live >= 1 && live <= 3 * most_held + 1, "not these were live");
            require(count_available(pool) == pool.stats().blocks - live - 20, "a block is missing");
            for (int i = 0; i < 20; ++i) {
                pool.deallocate(aside.allocate());
            }
            pool.deallocate(mine);
            require(count_available(pool) == pool.stats().blocks - live + 1,
                    "a reserved block is missing");
            require(millpond::test::fault_of(pool).empty(), "unsound in the end");
        });
    }
    pool.deallocate(mine);
    aside.release();
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
    CHECK(count_available(pool) == pool.stats().blocks);
}

TEST_CASE("threads of a child begin and end with the pools of its parent") {
    if (skips_forks()) {
        return;
    }
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 300, .threads = 3});
    {
        const busy_crew others(3, [&pool](std::size_t number) { use_without_pause(pool, number); });
        check_children(forks, [&](int round) {
            if (round % 2 == 0) {
                millpond::recover_after_fork();
            }
            for (int lives = 0; lives < 3; ++lives) {
                millpond::test::run_together(3, [&](std::size_t) {
                    std::array<void*, 40> blocks{};
                    const std::size_t had = pool.try_allocate_bulk(blocks);
                    require(had == blocks.size(), "a thread of the child got too few");
                    for (void* const block : blocks) {
                        pool.deallocate(block);
                    }
                });
            }
            millpond::recover_after_fork();
            const std::string fault = millpond::test::fault_of(pool);
            require(fault.empty(), fault);
            require(count_available(pool) == pool.stats().blocks - pool.size_estimate(),
                    "a block is missing");
            bool keeps = false;
            std::thread([&] { keeps = pool.local().keeps_blocks(); }).join();
            require(keeps, "places of threads that are gone are still taken");
        });
    }
    CHECK_SOUND(pool);
}

TEST_CASE("a fork while another thread makes and destroys pools leaves both processes whole") {
    if (skips_forks()) {
        return;
    }
    std::atomic<bool> stop = false;
    std::atomic<int> pools = 0;
    std::thread maker([&] {
        while (!stop) {
            concurrent_block_pool made({.block_bytes = 64, .capacity = 100, .threads = 2});
            made.deallocate(made.allocate());
            ++pools;
        }
    });
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 100, .threads = 2});
    std::string wrong;
    for (int round = 0; (round < forks || pools == 0) && wrong.empty(); ++round) {
        const auto result = run_in_child([&] {
            alarm(stuck_s);
            require(count_available(pool) == pool.stats().blocks, "a block is missing");
            concurrent_block_pool own({.block_bytes = 64, .capacity = 100, .threads = 2});
            own.deallocate(own.allocate());
            millpond::recover_after_fork();
            require(millpond::test::fault_of(pool).empty(), "unsound");
            require(millpond::test::fault_of(own).empty(), "its own is unsound");
        });
        if (result.signal != 0 || result.code != 0) {
            wrong = "a child ended badly: " + result.error_output;
        }
    }
    stop = true;
    maker.join();
    CHECK(wrong == "");
    CHECK(pools > 0);
    CHECK_SOUND(pool);
}

TEST_CASE("recovering without a fork loses nothing that is live or set aside") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 500, .threads = 2});
    std::vector<void*> blocks(100);
    pool.allocate_bulk(blocks);
    auto aside = pool.reserve_tokens(30);
    count_available(pool);
    millpond::recover_after_fork();
    CHECK(pool.size_estimate() == 100);
    CHECK(pool.stats().reserved == 30);
    CHECK_SOUND(pool);
    CHECK(count_available(pool) == pool.stats().blocks - 130);
    millpond::test::free_all(pool, blocks);
    aside.release();
    CHECK(count_available(pool) == pool.stats().blocks);
    CHECK_SOUND(pool);
}
