// SPDX-License-Identifier: MIT
/// \file
/// A block that two threads free: the program stops, with one line that names the pool.

#include "millpond/millpond.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <csignal>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <thread>

#include "crew.hpp"
#include "pool/child.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::test::effort;
using millpond::test::outcome;
using millpond::test::run_in_child;
using millpond::test::run_together;

namespace {

const millpond::concurrent_block_pool_options victim{
    .name = "victim", .block_bytes = 64, .capacity = 300, .threads = 3};

/// The same, with a check of every free against all others.
millpond::concurrent_block_pool_options exact() {
    auto options = victim;
    options.check = millpond::free_check::exact;
    return options;
}

constexpr int rounds = effort(50, 20, 2);

/// True when the child was stopped with exactly one line, of this reason.
bool stopped_once(const outcome& result, const std::string& reason) {
    return result.signal == SIGABRT &&
           std::count(result.error_output.begin(), result.error_output.end(), '\n') == 1 &&
           result.error_output.starts_with("millpond: pool 'victim': free of 0x") &&
           result.error_output.ends_with(": " + reason + "\n");
}

/// Two threads that meet before each step.
template <class First, class Second>
void side_by_side(First first, Second second) {
    run_together(2, [&](std::size_t self) { self == 0 ? first() : second(); });
}

} // namespace

TEST_CASE("a block that two threads free one after the other stops the program at the second") {
    using free_function = void (*)(concurrent_block_pool&, void*);
    const std::array<free_function, 4> ways{
        [](concurrent_block_pool& pool, void* block) { pool.deallocate(block); },
        [](concurrent_block_pool& pool, void* block) { pool.deallocate_direct(block); },
        [](concurrent_block_pool& pool, void* block) { pool.local().deallocate(block); },
        [](concurrent_block_pool& pool, void* block) {
            pool.deallocate_bulk(std::array<void*, 1>{block});
        }};
    for (std::size_t first = 0; first < ways.size(); ++first) {
        for (std::size_t second = 0; second < ways.size(); ++second) {
            for (int round = 0; round < effort(4, 4, 1); ++round) {
                CAPTURE(first);
                CAPTURE(second);
                const auto result = run_in_child([&] {
                    concurrent_block_pool pool(round / 2 == 0 ? victim : exact());
                    void* const block = pool.allocate();
                    if (round % 2 == 0) {
                        ways[first](pool, block);
                        std::thread([&] { ways[second](pool, block); }).join();
                    } else {
                        std::thread([&] { ways[first](pool, block); }).join();
                        ways[second](pool, block);
                    }
                });
                CHECK(stopped_once(result, "freed twice"));
            }
        }
    }
}

TEST_CASE("a block that was never handed out cannot be freed by a thread that is new to the pool") {
    const auto result = run_in_child([] {
        concurrent_block_pool pool(victim);
        auto* const block = static_cast<std::byte*>(pool.allocate());
        std::thread([&] { pool.deallocate(block + 200 * 64); }).join();
    });
    CHECK(stopped_once(result, "never allocated"));
    const auto direct = run_in_child([] {
        concurrent_block_pool pool(victim);
        auto* const block = static_cast<std::byte*>(pool.allocate());
        pool.deallocate_direct(block + 200 * 64);
    });
    CHECK(stopped_once(direct, "never allocated"));
}

TEST_CASE("of two threads that free a block of an exact pool at the same instant one is stopped") {
    for (int round = 0; round < rounds; ++round) {
        const bool one_allocated_it = round % 2 == 0;
        const auto result = run_in_child([one_allocated_it] {
            concurrent_block_pool pool(exact());
            std::atomic<void*> block = one_allocated_it ? nullptr : pool.allocate();
            std::barrier<> step(2);
            side_by_side(
                [&] {
                    if (one_allocated_it) {
                        block = pool.allocate();
                    }
                    step.arrive_and_wait();
                    pool.deallocate(block);
                },
                [&] {
                    step.arrive_and_wait();
                    pool.deallocate(block);
                });
        });
        CAPTURE(result.error_output);
        REQUIRE(stopped_once(result, "freed twice"));
    }
}

TEST_CASE(
    "a block freed by two threads at once is found at the latest when it would be in two hands") {
    for (int round = 0; round < rounds; ++round) {
        const auto result = run_in_child([round] {
            concurrent_block_pool pool(victim);
            std::barrier<> step(2);
            std::atomic<void*> block = nullptr;
            side_by_side(
                [&] {
                    auto mine = pool.local();
                    block = mine.allocate();
                    step.arrive_and_wait();
                    mine.deallocate(block);
                    step.arrive_and_wait();
                    (void)mine.allocate(); // the block, if both frees passed
                    step.arrive_and_wait();
                    step.arrive_and_wait();
                },
                [&] {
                    auto mine = pool.local();
                    step.arrive_and_wait();
                    for (int i = 0; i < round % 10; ++i) {
                        std::atomic_signal_fence(std::memory_order_seq_cst);
                    }
                    mine.deallocate(block);
                    step.arrive_and_wait();
                    step.arrive_and_wait();
                    (void)mine.allocate(); // once more
                    step.arrive_and_wait();
                });
            _exit(3); // the program went on with one block in two hands
        });
        CAPTURE(result.error_output);
        REQUIRE(stopped_once(result, "freed twice"));
    }
}

TEST_CASE(
    "an object of an exact pool that two threads destroy at the same instant is destroyed once") {
    struct loud {
        ~loud() { (void)!write(STDERR_FILENO, "~", 1); }
    };

    for (int round = 0; round < rounds; ++round) {
        const auto result = run_in_child([] {
            millpond::concurrent_object_pool<loud> pool(
                {.name = "victim", .capacity = 100, .check = millpond::free_check::exact});
            loud* const object = pool.create();
            const auto destroy_it = [&pool, object] { pool.destroy(object); };
            side_by_side(destroy_it, destroy_it);
        });
        REQUIRE(result.signal == SIGABRT);
        REQUIRE(std::count(result.error_output.begin(), result.error_output.end(), '~') <= 1);
        REQUIRE(result.error_output.find(": freed twice\n") != std::string::npos);
    }
}

TEST_CASE("a free by another thread after the pool is destroyed stops the program") {
    for (const bool has_used_it : {false, true}) {
        const auto result = run_in_child([has_used_it] {
            alignas(
                concurrent_block_pool) static std::array<std::byte, sizeof(concurrent_block_pool)>
                place;
            auto options = victim;
            options.leaks = millpond::leak_policy::ignore;
            auto* const pool = ::new (place.data()) concurrent_block_pool(options);
            void* const block = pool->allocate();
            std::barrier<> step(2);
            side_by_side(
                [&] {
                    step.arrive_and_wait();
                    std::destroy_at(pool);
                    step.arrive_and_wait();
                },
                [&] {
                    if (has_used_it) {
                        pool->deallocate(pool->allocate());
                    }
                    step.arrive_and_wait();
                    step.arrive_and_wait();
                    pool->deallocate(block);
                });
        });
        CHECK(stopped_once(result, "the pool is destroyed"));
    }
}
