// SPDX-License-Identifier: MIT
/// \file
/// A thread that is stopped at each atomic step of each operation in turn: the others go on, and have
/// all blocks that it does not hold; so has a child that is forked at that moment.

#include "millpond/millpond.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "crew.hpp"
#include "interleave.hpp"
#include "pool/child.hpp"
#include "sound.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::test::count_available;
using millpond::test::drain;
using millpond::test::effort;
using millpond::test::free_all;
using millpond::test::run_in_child;
using millpond::test::stop_light;

namespace {

/// The most blocks that an operation below has live or set aside at any moment.
constexpr std::size_t held_most = 16;

/// One thread's doings: `before` runs unhindered, `operation` is what is stopped.
struct actor {
    concurrent_block_pool& pool;
    std::vector<void*> mine{};
    std::optional<concurrent_block_pool::reservation> aside{};
};

struct scenario {
    const char* name;
    void (*before)(actor&);
    void (*operation)(actor&);
    bool ends_thread = false; ///< the operation is the end of the thread
};

void take(actor& who, std::size_t count) {
    const std::size_t had = who.mine.size();
    who.mine.resize(had + count);
    who.mine.resize(had + who.pool.try_allocate_bulk(std::span(who.mine).subspan(had)));
}

void nothing(actor& /*who*/) {}

void take_many(actor& who) {
    take(who, held_most);
}

void free_mine(actor& who) {
    free_all(who.pool, who.mine);
}

const std::array scenarios{
    scenario{"a first allocation", nothing, take_many},
    scenario{"a first free",
             [](actor& who) { who.mine.push_back(who.pool.try_allocate_direct()); },
             free_mine},
    scenario{"allocations and frees",
             take_many,
             [](actor& who) {
                 free_all(who.pool, who.mine);
                 take_many(who);
                 free_all(who.pool, who.mine);
             }},
    scenario{"direct allocations",
             nothing,
             [](actor& who) {
                 for (int i = 0; i < 10; ++i) {
                     who.mine.push_back(who.pool.try_allocate_direct());
                 }
             }},
    scenario{"direct frees",
             [](actor& who) { take(who, 10); },
             [](actor& who) {
                 for (void* const block : who.mine) {
                     who.pool.deallocate_direct(block);
                 }
                 who.mine.clear();
             }},
    scenario{"a bulk free",
             take_many,
             [](actor& who) {
                 who.pool.deallocate_bulk(who.mine);
                 who.mine.clear();
             }},
    scenario{"a reservation and its end",
             nothing,
             [](actor& who) {
                 try {
                     who.aside.emplace(who.pool.reserve_tokens(12));
                     who.mine.push_back(who.aside->allocate());
                     who.mine.push_back(who.aside->allocate());
                 } catch (const millpond::pool_exhausted&) {
                     who.mine.push_back(nullptr); // others have taken all meanwhile
                 }
                 who.aside.reset();
             }},
    scenario{"a wait",
             nothing,
             [](actor& who) {
                 who.mine.push_back(who.pool.try_allocate_for(std::chrono::milliseconds(1)));
             }},
    scenario{"the end of a thread",
             [](actor& who) {
                 take_many(who);
                 free_all(who.pool, who.mine);
             },
             nothing,
             true},
};

/// From one step to the next that a thread is stopped at: every one, where that is quick.
std::uint32_t stride(std::size_t capacity) {
    return capacity < 1'000 ? effort(1U, 7U, 13U) : effort(2U, 29U, 101U);
}

/// Has a thread stop at a step of the scenario, calls `meanwhile`, and lets the thread go on; false
/// when it has fewer steps.
template <class Meanwhile>
bool stop_at(const scenario& now,
             concurrent_block_pool& pool,
             std::uint32_t step,
             Meanwhile meanwhile) {
    stop_light light;
    actor who{.pool = pool};
    std::thread stopped([&] {
        now.before(who);
        light.stop_me_after(step);
        now.operation(who);
        if (!now.ends_thread && light.disarm_me()) {
            light.pass();
        }
    });
    std::thread watch; // says so when the thread has ended without a stop
    if (now.ends_thread) {
        watch = std::thread([&] {
            stopped.join();
            light.pass();
        });
    }
    const bool came_so_far = light.wait_until_stopped();
    if (came_so_far) {
        meanwhile();
    }
    light.let_go();
    now.ends_thread ? watch.join() : stopped.join();
    who.aside.reset();
    free_all(pool, who.mine);
    return came_so_far;
}

struct shape {
    std::size_t capacity, threads;
    millpond::capacity_bound bound = millpond::capacity_bound::at_least;

    [[nodiscard]] millpond::concurrent_block_pool_options options() const {
        return {.block_bytes = 16, .capacity = capacity, .threads = threads, .bound = bound};
    }
};

/// Pools of one word, of several, and of two levels above them, which claim a few blocks or a word; and
/// some whose threads keep none.
constexpr std::array shapes{shape{40, 2},
                            shape{180, 3},
                            shape{800, 2},
                            shape{4'500, 3},
                            shape{4'500, 150},
                            shape{40, 2, millpond::capacity_bound::exact},
                            shape{180, 3, millpond::capacity_bound::exact}};

/// False for the end of a thread that has nothing to give back.
bool has_steps(const scenario& now, const concurrent_block_pool& pool) {
    return !now.ends_thread || pool.stats().threads != 0;
}

/// Few words with anything in them, so that the stopped thread empties summaries. Returns the rest.
std::vector<void*> leave_few(concurrent_block_pool& pool, std::size_t few) {
    std::vector<void*> rest = drain(pool);
    for (std::size_t i = 0; i < few; ++i) {
        std::swap(rest[i * 7 % rest.size()], rest.back());
        pool.deallocate_direct(rest.back());
        rest.pop_back();
    }
    return rest;
}

} // namespace

TEST_CASE("a thread stopped at any step keeps no more from the others than it may") {
    for (const shape& made : shapes) {
        for (const scenario& now : scenarios) {
            const std::size_t capacity = made.capacity;
            CAPTURE(capacity);
            CAPTURE(made.threads);
            CAPTURE(now.name);
            concurrent_block_pool pool(made.options());
            (void)pool.local();
            std::uint32_t step = 0;
            std::size_t least = pool.stats().blocks;
            while (stop_at(now, pool, step, [&] {
                least = std::min(least, count_available(pool));
                least = std::min(least, count_available(pool)); // what was freed meanwhile is there
            })) {
                step += stride(capacity);
                REQUIRE(step < 2'000);
                REQUIRE(pool.size_estimate() == 0);
                if (step % 8 == 0) {
                    REQUIRE_SOUND(pool);
                    REQUIRE(count_available(pool) == pool.stats().blocks);
                }
            }
            CHECK((step > 0) == has_steps(now, pool));
            CHECK(least >= capacity - held_most);
            CHECK_SOUND(pool);
        }
    }
}

TEST_CASE("a thread stopped at any step hides no block that another frees meanwhile") {
    for (const shape& made : shapes) {
        for (const scenario& now : scenarios) {
            const std::size_t capacity = made.capacity;
            CAPTURE(capacity);
            CAPTURE(made.threads);
            CAPTURE(now.name);
            concurrent_block_pool pool(made.options());
            (void)pool.local();
            std::uint32_t step = 0;
            bool all_found = true;
            std::vector<void*> rest = leave_few(pool, held_most);
            while (stop_at(now, pool, step, [&] {
                std::vector<void*> more = drain(pool);
                for (void* const block : rest) { // into words that the stopped thread may be at
                    pool.deallocate_direct(block);
                }
                const std::size_t freed = rest.size();
                rest = drain(pool);
                all_found = all_found && rest.size() >= freed;
                rest.insert(rest.end(), more.begin(), more.end());
            })) {
                step += stride(capacity);
                REQUIRE(step < 2'000);
                free_all(pool, rest);
                REQUIRE_SOUND(pool);
                rest = leave_few(pool, held_most);
            }
            free_all(pool, rest);
            CHECK((step > 0) == has_steps(now, pool));
            CHECK(all_found);
            CHECK(count_available(pool) == pool.stats().blocks);
        }
    }
}

TEST_CASE(
    "a child forked while a thread is at any step has its blocks, and all of them once recovered") {
    if (MILLPOND_TEST_THREAD_SANITIZER != 0 || MILLPOND_VALGRIND != 0) {
        millpond::test::skip(
            "ThreadSanitizer and Valgrind follow no fork of a program with threads");
        return;
    }
    for (const shape& made : shapes) {
        for (const scenario& now : scenarios) {
            const std::size_t capacity = made.capacity;
            if (now.ends_thread) {
                continue; // a fork waits for the ends of threads that are under way
            }
            CAPTURE(capacity);
            CAPTURE(now.name);
            concurrent_block_pool pool(made.options());
            auto aside = pool.reserve_tokens(5);
            std::uint32_t step = 0;
            while (stop_at(now, pool, step, [&] {
                const auto result = run_in_child([&] {
                    alarm(60);
                    const auto require = [](bool holds, int code) { holds ? void() : _exit(code); };
                    require(count_available(pool) >= capacity - held_most - 5, 1);
                    millpond::recover_after_fork();
                    require(bool(pool.verify()), 2);
                    const auto then = pool.stats();
                    require(count_available(pool) == then.free, 3);
                    require(then.live + then.reserved <= held_most + 5, 4);
                    while (void* const block = aside.try_allocate()) {
                        pool.deallocate(block);
                    }
                    require(bool(pool.verify()), 5);
                });
                REQUIRE(result.signal == 0);
                REQUIRE(result.code == 0);
            })) {
                step += stride(capacity);
                REQUIRE(step < 2'000);
            }
            CHECK(step > 0);
            CHECK_SOUND(pool);
        }
    }
}
