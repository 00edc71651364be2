// SPDX-License-Identifier: MIT
/// \file
/// Waiting for a block of a full pool: asleep, until a deadline, and nobody is forgotten.

#include "millpond/millpond.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <thread>
#include <vector>

#include "crew.hpp"
#include "pool/child.hpp"
#include "sound.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>
#include <sys/resource.h>

using millpond::concurrent_block_pool;
using millpond::test::drain;
using millpond::test::effort;
using millpond::test::free_all;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using std::chrono::system_clock;

namespace {

/// After so long a waiter counts as forgotten.
constexpr seconds forgotten{30};

/// What this thread has used of the processor.
std::chrono::microseconds processor_time() {
    rusage usage{};
    getrusage(RUSAGE_THREAD, &usage);
    return seconds(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           std::chrono::microseconds(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

/// A pool of which this thread has every block.
struct full_pool {
    explicit full_pool(std::size_t capacity, std::size_t threads = 2)
        : pool({.name = "full", .block_bytes = 64, .capacity = capacity, .threads = threads})
        , blocks(drain(pool)) {}

    full_pool(const full_pool&) = delete;
    full_pool& operator=(const full_pool&) = delete;

    ~full_pool() { free_all(pool, blocks); }

    /// Takes what is free once more.
    void take_rest() {
        while (void* const block = pool.try_allocate()) {
            blocks.push_back(block);
        }
    }

    void free_one() {
        pool.deallocate(blocks.back());
        blocks.pop_back();
    }

    /// Frees so many that each waiter must get one: fewer than the capacity are live then.
    void free_enough(std::size_t waiters = 1) {
        while (blocks.size() + waiters > pool.capacity()) {
            free_one();
        }
    }

    concurrent_block_pool pool;
    std::vector<void*> blocks;
};

/// Waits without end for each of so many blocks that another thread frees in some way; counts them.
template <class Free>
std::size_t blocks_had_by_waiters(full_pool& full, std::size_t waiters, Free free_in_some_way) {
    std::atomic<std::size_t> had = 0;
    std::atomic<std::size_t> waiting = 0;
    std::vector<void*> got(waiters);
    std::vector<std::thread> crew;
    for (std::size_t i = 0; i < waiters; ++i) {
        crew.emplace_back([&, i] {
            ++waiting;
            got[i] = full.pool.try_allocate_for(forgotten);
            had += got[i] != nullptr ? 1 : 0;
        });
    }
    while (waiting < waiters) {
        std::this_thread::yield();
    }
    for (std::size_t i = 0; i < waiters; ++i) {
        free_in_some_way(i);
    }
    for (std::thread& one : crew) {
        one.join();
    }
    std::erase(got, nullptr);
    full.blocks.insert(full.blocks.end(), got.begin(), got.end());
    return had;
}

} // namespace

TEST_CASE("a wait for a block of a full pool ends with nothing, and not before its time") {
    full_pool full(100);
    const auto before = steady_clock::now();
    CHECK(full.pool.try_allocate_for(milliseconds(50)) == nullptr);
    CHECK(steady_clock::now() - before >= milliseconds(50));
    CHECK(full.pool.try_allocate_until(steady_clock::now() + milliseconds(20)) == nullptr);
    CHECK(full.pool.try_allocate_until(system_clock::now() + milliseconds(20)) == nullptr);
    CHECK(steady_clock::now() - before >=
          milliseconds(89)); // clocks that are set may go back a little
    CHECK_SOUND(full.pool);
}

TEST_CASE("a wait that is over before it began tries once") {
    full_pool full(100);
    void* const block = full.blocks.back();
    for (const bool is_full : {true, false}) {
        CAPTURE(is_full);
        if (!is_full) {
            full.free_one();
        }
        const auto tried = [&](void* got) {
            if (got != nullptr) {
                full.pool.deallocate(got);
            }
            return got == (is_full ? nullptr : block);
        };
        CHECK(tried(full.pool.try_allocate_for(seconds(0))));
        CHECK(tried(full.pool.try_allocate_for(seconds(-5))));
        CHECK(tried(full.pool.try_allocate_for(milliseconds::min())));
        CHECK(tried(full.pool.try_allocate_for(std::chrono::duration<double>(-1e300))));
        CHECK(tried(full.pool.try_allocate_until(steady_clock::now() - seconds(5))));
        CHECK(tried(full.pool.try_allocate_until(steady_clock::time_point())));
        CHECK(tried(full.pool.try_allocate_until(system_clock::now() - seconds(5))));
        CHECK(tried(full.pool.try_allocate_until(system_clock::time_point())));
    }
}

TEST_CASE("the earliest time point of every clock is past") {
    const auto returns = [](auto deadline) {
        return millpond::test::run_in_child([deadline] {
                   alarm(30);
                   full_pool full(100);
                   if (full.pool.try_allocate_until(deadline) != nullptr) {
                       _exit(1);
                   }
               }).code == 0;
    };
    CHECK(returns(steady_clock::time_point::min()));
    CHECK(returns(system_clock::time_point::min()));
    CHECK(returns(std::chrono::time_point<system_clock, std::chrono::hours>::min()));
}

TEST_CASE("a wait without end gets the block that another thread frees later") {
    const auto waits_for_ever = [](auto allocate) {
        full_pool full(100);
        void* got = nullptr;
        std::atomic<bool> waiting = false;
        std::thread waiter([&] {
            waiting = true;
            got = allocate(full.pool);
        });
        while (!waiting) {
            std::this_thread::yield();
        }
        std::this_thread::sleep_for(milliseconds(5));
        full.free_enough();
        waiter.join();
        const bool served = got != nullptr && full.pool.owns(got);
        full.pool.deallocate(got);
        return served;
    };
    using pool = concurrent_block_pool;
    CHECK(waits_for_ever([](pool& from) { return from.try_allocate_for(forgotten); }));
    CHECK(waits_for_ever([](pool& from) { return from.try_allocate_for(milliseconds::max()); }));
    CHECK(waits_for_ever(
        [](pool& from) { return from.try_allocate_for(std::chrono::nanoseconds::max()); }));
    CHECK(waits_for_ever(
        [](pool& from) { return from.try_allocate_for(std::chrono::duration<double>(1e300)); }));
    CHECK(waits_for_ever(
        [](pool& from) { return from.try_allocate_until(steady_clock::time_point::max()); }));
    CHECK(waits_for_ever(
        [](pool& from) { return from.try_allocate_until(system_clock::time_point::max()); }));
    CHECK(waits_for_ever([](pool& from) {
        return from.try_allocate_until(
            std::chrono::time_point<system_clock, std::chrono::hours>::max());
    }));
}

TEST_CASE("of many waiters each gets one of as many blocks, in whatever way they are freed") {
    constexpr std::size_t waiters = 12;
    for (int round = 0; round < effort(20, 5, 1); ++round) {
        for (const std::size_t threads : {1U, 4U, 20U}) {
            full_pool full(200, threads);
            CHECK(blocks_had_by_waiters(
                      full, waiters, [&](std::size_t i) { full.free_enough(i + 1); }) == waiters);
            full.take_rest();
            CHECK(blocks_had_by_waiters(full, waiters, [&](std::size_t) {
                      full.pool.deallocate_direct(full.blocks.back());
                      full.blocks.pop_back();
                  }) == waiters);
            CHECK(blocks_had_by_waiters(full, waiters, [&](std::size_t i) {
                      if (i == 0) {
                          full.pool.deallocate_bulk(std::span(full.blocks).last(waiters));
                          full.blocks.resize(full.blocks.size() - waiters);
                      }
                  }) == waiters);
            CHECK(blocks_had_by_waiters(full, waiters, [&](std::size_t i) {
                      if (i == 0) { // in a thread that ends at once
                          std::thread([&] { full.free_enough(waiters); }).join();
                      }
                  }) == waiters);
            CHECK_SOUND(full.pool);
        }
    }
}

TEST_CASE("blocks of a reservation that is given back wake those who wait for them") {
    full_pool full(200);
    for (int i = 0; i < 10; ++i) {
        full.pool.deallocate_direct(full.blocks.back());
        full.blocks.pop_back();
    }
    auto aside = full.pool.reserve_tokens(10);
    CHECK(blocks_had_by_waiters(full, 10, [&](std::size_t i) {
              if (i == 0) {
                  aside.release();
              }
          }) == 10);
    CHECK_SOUND(full.pool);
}

TEST_CASE("threads that wait for each other's blocks all come to their end") {
    // Two blocks for four threads that each want one again and again.
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 2});
    std::atomic<int> forgotten_waits = 0;
    millpond::test::run_together(4, [&](std::size_t self) {
        for (int step = 0; step < effort(3'000, 500, 50); ++step) {
            void* const block = pool.try_allocate_for(forgotten);
            forgotten_waits += block == nullptr ? 1 : 0;
            if (self % 2 == 0) {
                std::this_thread::yield();
            }
            pool.deallocate(block);
        }
    });
    CHECK(forgotten_waits == 0);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a thread that waits sleeps: it uses little of the processor") {
    full_pool full(100);
    if (MILLPOND_VALGRIND != 0) {
        millpond::test::skip("under Valgrind every instruction is many");
        return;
    }
    const auto before = processor_time();
    CHECK(full.pool.try_allocate_for(milliseconds(300)) == nullptr);
    CHECK(processor_time() - before < milliseconds(60));
}

TEST_CASE("an object is created for a waiter when another thread destroys one") {
    millpond::concurrent_object_pool<std::string> pool({.capacity = 1});
    std::string* const first = pool.create("first");
    std::string* second = nullptr;
    std::thread waiter([&] { second = pool.try_create_for(forgotten, "second"); });
    std::this_thread::sleep_for(milliseconds(2));
    pool.destroy(first);
    waiter.join();
    REQUIRE(second != nullptr);
    CHECK(*second == "second");
    pool.destroy(second);
    CHECK_SOUND(pool);
}
