// SPDX-License-Identifier: MIT
/// \file
/// A resource with several threads inside: blocks change hands, classes are made, memory is returned, and
/// nothing is mistaken or lost.

#include "millpond/adapt/concurrent_pool_resource.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <latch>
#include <memory_resource>
#include <string>
#include <thread>
#include <vector>

#include "concurrent/crew.hpp"
#include "marked_blocks.hpp"
#include "sound.hpp"
#include "support/sanitized.hpp"
#include "upstream.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_pool_resource;
using millpond::test::checking_upstream;
using millpond::test::dice;
using millpond::test::effort;
using millpond::test::enough_bytes;
using millpond::test::give_marked;
using millpond::test::market;
using millpond::test::run_together;
using millpond::test::take_marked;

namespace {

constexpr int steps = effort(8'000, 3'000, 500);

/// After all threads but the first have ended and everything was freed.
void check_that_nothing_is_left(concurrent_pool_resource& resource, checking_upstream* upstream) {
    CHECK(resource.stats().bytes_live == 0);
    CHECK_SOUND(resource, upstream);
    const std::size_t before = resource.stats().bytes_committed;
    const std::size_t returned = resource.shrink();
    CHECK_SOUND(resource, upstream);
    if (upstream != nullptr) {
        CHECK(returned == before);
        CHECK(resource.stats().bytes_committed == 0);
    }
}

} // namespace

TEST_CASE("threads free each other's blocks of all sizes and find in them what was written") {
    checking_upstream memory;
    for (checking_upstream* const upstream : {static_cast<checking_upstream*>(nullptr), &memory}) {
        concurrent_pool_resource resource({.limit_bytes = enough_bytes, .threads = 4}, upstream);
        market blocks;
        std::atomic<bool> untouched = true;
        run_together(4, [&](std::size_t self) {
            if (!blocks.trade(resource, self, steps, 100'000)) {
                untouched = false;
            }
        });
        CHECK(untouched);
        CHECK(resource.stats().bytes_live > 0);
        CHECK_SOUND(resource, upstream);
        CHECK(blocks.close(resource));
        check_that_nothing_is_left(resource, upstream);
    }
}

TEST_CASE("threads beyond those that keep blocks allocate and free like the others") {
    checking_upstream memory;
    for (checking_upstream* const upstream : {static_cast<checking_upstream*>(nullptr), &memory}) {
        concurrent_pool_resource resource({.limit_bytes = enough_bytes, .threads = 2}, upstream);
        market blocks;
        std::atomic<bool> untouched = true;
        run_together(12, [&](std::size_t self) {
            if (!blocks.trade(resource, self, steps / 4, 5'000)) {
                untouched = false;
            }
        });
        CHECK(untouched);
        CHECK(blocks.close(resource));
        CHECK(resource.stats_of(100).threads == 2);
        check_that_nothing_is_left(resource, upstream);
    }
}

TEST_CASE("memory is returned and statistics are read while others work") {
    checking_upstream memory;
    for (checking_upstream* const upstream : {static_cast<checking_upstream*>(nullptr), &memory}) {
        concurrent_pool_resource resource(
            {.max_blocks_per_chunk = 4, .limit_bytes = enough_bytes, .threads = 4}, upstream);
        market blocks;
        std::atomic<bool> untouched = true;
        std::atomic<int> working = 3;
        std::size_t returned = 0;
        bool adds_up = true;
        run_together(4, [&](std::size_t self) {
            if (self != 0) {
                if (!blocks.trade(resource, self, steps, 70'000)) {
                    untouched = false;
                }
                --working;
                return;
            }
            do {
                returned += resource.shrink();
                const auto now = resource.stats();
                adds_up = adds_up && now.bytes_live <= now.bytes_committed;
                adds_up = adds_up && resource.stats_of(64).block_bytes % 64 == 0;
                // Who shrinks holds the lock that growth waits for; Valgrind lets nobody else have it.
                std::this_thread::sleep_for(std::chrono::microseconds(100));
            } while (working != 0);
        });
        CHECK(untouched);
        CHECK(adds_up);
        CHECK(returned > 0);
        CHECK(blocks.close(resource));
        check_that_nothing_is_left(resource, upstream);
    }
}

TEST_CASE("many threads that ask for a class at the same instant get one pool") {
    checking_upstream memory;
    for (int round = 0; round < effort(60, 20, 4); ++round) {
        checking_upstream* const upstream = round % 2 == 0 ? &memory : nullptr;
        concurrent_pool_resource resource({.limit_bytes = enough_bytes, .threads = 4}, upstream);
        std::atomic<std::size_t> sum = 0;
        run_together(4, [&](std::size_t self) {
            for (const std::size_t bytes : {64U, 1000U, 70'000U, 30'000U}) {
                void* const block = take_marked(resource, bytes + self, 8);
                sum += give_marked(resource, block) ? 1U : 0U;
            }
        });
        CHECK(sum == 16);
        CHECK(resource.stats().pools <= 4);
        REQUIRE_SOUND(resource, upstream);
    }
}

TEST_CASE("a thousand lives of threads leave nothing behind and need no more memory than a few") {
    constexpr int lives = effort(1'000, 400, 60);
    checking_upstream memory;
    for (checking_upstream* const upstream : {static_cast<checking_upstream*>(nullptr), &memory}) {
        concurrent_pool_resource resource({.limit_bytes = enough_bytes, .threads = 4}, upstream);
        std::atomic<bool> untouched = true;
        std::size_t committed_early = 0;
        std::size_t committed_most = 0;
        for (int life = 0; life < lives; life += 4) {
            std::latch all_have_theirs(4); // so that every round needs as much
            run_together(4, [&](std::size_t self) {
                dice random(self + 1);
                std::vector<void*> mine;
                for (int i = 0; i < 60; ++i) {
                    mine.push_back(take_marked(resource, random.size(9'000), 8));
                }
                all_have_theirs.arrive_and_wait();
                for (void* const block : mine) {
                    if (!give_marked(resource, block)) {
                        untouched = false;
                    }
                }
            });
            const std::size_t now = resource.stats().bytes_committed;
            committed_early = life < lives / 5 ? std::max(committed_early, now) : committed_early;
            committed_most = std::max(committed_most, now);
        }
        CHECK(untouched);
        CHECK(committed_early > 0);
        CHECK(committed_most <= 2 * committed_early);
        check_that_nothing_is_left(resource, upstream);
    }
}

TEST_CASE("blocks outlive the threads that allocated them and are freed by others") {
    checking_upstream upstream;
    concurrent_pool_resource resource({.threads = 2}, &upstream);
    std::vector<void*> left;
    for (std::size_t life = 0; life < 40; ++life) {
        std::thread([&] {
            dice random(life);
            for (int i = 0; i < 20; ++i) {
                left.push_back(take_marked(resource, random.size(80'000), 64));
            }
        }).join();
    }
    CHECK(resource.stats().blocks_live + resource.stats().unpooled_live == 800);
    CHECK_SOUND(resource, &upstream);
    bool untouched = true;
    std::thread([&] {
        for (void* const block : left) {
            untouched = give_marked(resource, block) && untouched;
        }
    }).join();
    CHECK(untouched);
    check_that_nothing_is_left(resource, &upstream);
}

TEST_CASE("a limit holds whatever threads do at once, and all of it can be had again afterwards") {
    constexpr std::size_t limit = 400'000;
    checking_upstream memory;
    memory.set_limit(limit + 128 * 100); // and records of unpooled blocks
    for (checking_upstream* const upstream : {static_cast<checking_upstream*>(nullptr), &memory}) {
        concurrent_pool_resource resource({.limit_bytes = limit, .threads = 4}, upstream);
        std::atomic<int> refusals = 0;
        std::atomic<bool> is_held = true;
        run_together(4, [&](std::size_t self) {
            dice random(self + 7);
            for (int round = 0; round < effort(40, 15, 4); ++round) {
                std::vector<void*> mine;
                try {
                    while (true) {
                        mine.push_back(take_marked(resource, random.size(20'000), 8));
                    }
                } catch (const millpond::pool_exhausted&) {
                    ++refusals;
                }
                is_held = is_held && resource.stats().limited_bytes <= limit;
                for (void* const block : mine) {
                    (void)give_marked(resource, block);
                }
                (void)resource.shrink();
            }
        });
        CHECK(refusals > 0);
        CHECK(is_held);
        check_that_nothing_is_left(resource, upstream);
        std::size_t had = 0;
        std::vector<void*> blocks;
        while (had + 1002 <= limit && upstream == nullptr) {
            blocks.push_back(resource.allocate(1000, 8));
            had += resource.block_bytes(1000, 8) + 2;
        }
        for (void* const block : blocks) {
            resource.deallocate(block, 1000, 8);
        }
    }
    CHECK(memory.fault() == "");
}

TEST_CASE("the standard's containers are filled by one thread and emptied by another") {
    checking_upstream upstream;
    concurrent_pool_resource resource({.threads = 3}, &upstream);
    std::atomic<std::size_t> characters = 0;
    run_together(3, [&](std::size_t) {
        for (int round = 0; round < effort(30, 10, 3); ++round) {
            std::pmr::vector<std::pmr::string> lines(&resource);
            for (std::size_t i = 0; i < 200; ++i) {
                lines.emplace_back(i, 'x');
            }
            std::thread([&characters, given = std::move(lines)] {
                for (const std::pmr::string& line : given) {
                    characters += line.size();
                }
            }).join();
        }
    });
    CHECK(characters == std::size_t{3} * effort(30, 10, 3) * 200 * 199 / 2);
    check_that_nothing_is_left(resource, &upstream);
}
