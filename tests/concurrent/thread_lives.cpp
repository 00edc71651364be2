// SPDX-License-Identifier: MIT
/// \file
/// Threads by the thousand: what they kept is free for all when they end, and memory stays flat.

#include "millpond/millpond.hpp"

#include <atomic>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "crew.hpp"
#include "pool/process_maps.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::test::count_available;
using millpond::test::drain;
using millpond::test::effort;
using millpond::test::free_all;
using millpond::test::run_together;

namespace {

/// One short life: takes blocks, writes to them, frees them, and uses what it got for the sum.
std::size_t live_shortly(concurrent_block_pool& pool, std::size_t blocks) {
    std::vector<void*> mine(blocks);
    mine.resize(pool.try_allocate_bulk(mine));
    for (void* const block : mine) {
        *static_cast<std::size_t*>(block) = blocks;
    }
    std::size_t sum = 0;
    for (void* const block : mine) {
        sum += *static_cast<std::size_t*>(block);
    }
    free_all(pool, mine);
    return sum;
}

constexpr std::size_t lives = effort<std::size_t>(10'000, 1'000, 100);

} // namespace

TEST_CASE("ten thousand thread lives touch no more memory than the first few") {
    constexpr std::size_t bytes = 4096;
    constexpr std::size_t capacity = 100'000;
    concurrent_block_pool pool({.block_bytes = bytes, .capacity = capacity, .threads = 4});
    void* const lowest = pool.allocate(); // the first of all blocks
    const auto resident = [lowest] {
        return millpond::test::resident_bytes(lowest, capacity * bytes);
    };
    std::atomic<std::size_t> sum = 0;
    std::size_t after_some = 0;
    for (std::size_t life = 0; life < lives; life += 4) {
        run_together(4, [&](std::size_t) { sum += live_shortly(pool, 100); });
        if (life + 4 >= lives / 10 && after_some == 0) {
            after_some = resident();
        }
    }
    CHECK(sum == lives * 100 * 100);
    CHECK(after_some >= 100 * bytes);
    // How many words four threads have at once is chance; that they are the lowest is not.
    CHECK(resident() <= 4 * (100 + 4 * 64) * bytes);
    CHECK(after_some <= 4 * (100 + 4 * 64) * bytes);
    pool.deallocate(lowest);
    CHECK_SOUND(pool);
}

TEST_CASE("nothing is stranded by threads that end: every block can be had after each few lives") {
    concurrent_block_pool pool({.block_bytes = 32, .capacity = 1'000, .threads = 3});
    bool all_there = true;
    std::mt19937 random(1);
    for (std::size_t life = 0; life < lives; life += 5) {
        const std::size_t blocks = 1 + random() % 300;
        run_together(5, [&](std::size_t self) { live_shortly(pool, blocks * (self + 1) / 5); });
        if (life % 100 == 0) {
            all_there = count_available(pool) == pool.stats().blocks && all_there;
            REQUIRE_SOUND(pool);
        }
    }
    CHECK(all_there);
    CHECK(pool.size_estimate() == 0);
}

TEST_CASE("threads that begin and end in the midst of others' traffic leave nothing behind") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 400, .threads = 3});
    std::atomic<bool> stop = false;
    std::vector<std::thread> others;
    for (std::size_t i = 0; i < 2; ++i) {
        others.emplace_back([&pool, &stop, i] {
            while (!stop) {
                live_shortly(pool, 30 + i * 20);
            }
        });
    }
    bool enough = true;
    for (std::size_t life = 0; life < effort<std::size_t>(600, 150, 20); ++life) {
        std::thread([&] { live_shortly(pool, 100); }).join();
        enough = count_available(pool) >= 400 - 30 - 50 && enough;
    }
    stop = true;
    for (std::thread& one : others) {
        one.join();
    }
    CHECK(enough);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
    CHECK(count_available(pool) == pool.stats().blocks);
}

TEST_CASE("blocks outlive the thread that allocated them") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 500, .threads = 2});
    std::vector<void*> blocks;
    for (int life = 0; life < 10; ++life) {
        std::thread([&] {
            for (int i = 0; i < 50; ++i) {
                blocks.push_back(pool.allocate());
            }
        }).join();
    }
    CHECK(pool.size_estimate() == 500);
    CHECK_SOUND(pool);
    // A later thread in the first one's slot frees them as any other would.
    std::thread([&] { free_all(pool, blocks); }).join();
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a thread's place in a pool is another thread's after its end") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 500, .threads = 1});
    int kept = 0;
    for (int life = 0; life < 600; ++life) {
        std::thread([&] {
            auto mine = pool.local();
            kept += mine.keeps_blocks() ? 1 : 0;
            mine.deallocate(mine.allocate());
        }).join();
    }
    CHECK(kept == 600);
    CHECK_SOUND(pool);
}

TEST_CASE("threads beyond a pool's number of them work, as do threads beyond any number") {
    constexpr std::size_t count = 270;
    concurrent_block_pool few({.block_bytes = 64, .capacity = 4'000, .threads = 2});
    concurrent_block_pool many({.block_bytes = 64, .capacity = 40'000, .threads = 250});
    for (int round = 0; round < effort(3, 2, 1); ++round) {
        std::atomic<std::size_t> sum = 0;
        std::atomic<int> keep_in_few = 0;
        std::atomic<int> keep_in_many = 0;
        std::barrier<> all_there(count);
        run_together(count, [&](std::size_t) {
            keep_in_few += few.local().keeps_blocks() ? 1 : 0;
            keep_in_many += many.local().keeps_blocks() ? 1 : 0;
            all_there.arrive_and_wait();
            sum += live_shortly(few, 10) + live_shortly(many, 100);
            void* const block = many.allocate();
            all_there.arrive_and_wait();
            many.deallocate(block);
        });
        CHECK(sum == count * (10 * 10 + 100 * 100));
        CHECK(keep_in_few == 2);
        CHECK(keep_in_many == 250);
        CHECK(few.size_estimate() == 0);
        CHECK(many.size_estimate() == 0);
        CHECK_SOUND(few);
        CHECK_SOUND(many);
        std::size_t available = 0; // counted by a thread that ends, so that it takes no place
        std::thread([&] { available = count_available(few); }).join();
        CHECK(available == few.stats().blocks);
    }
}

TEST_CASE("threads go on from a pool that is destroyed to one that is made in its place") {
    std::vector<std::byte> buffer;
    std::barrier<> step(4);
    concurrent_block_pool* pool = nullptr;
    std::vector<std::thread> crew;
    constexpr int rounds = effort(50, 20, 3);
    std::atomic<std::size_t> sum = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        crew.emplace_back([&] {
            for (int round = 0; round < rounds; ++round) {
                step.arrive_and_wait(); // there is a pool
                sum += live_shortly(*pool, 30);
                step.arrive_and_wait(); // it may go
            }
            step.arrive_and_wait(); // all pools are gone; now the threads end
        });
    }
    for (int round = 0; round < rounds; ++round) {
        millpond::concurrent_block_pool_options options{
            .block_bytes = 64,
            .capacity = 200,
            .threads = 2,
            .memory = {.source = millpond::memory_source::buffer}};
        buffer.resize(concurrent_block_pool::buffer_bytes(options));
        options.memory.buffer = buffer;
        concurrent_block_pool now(options);
        pool = &now;
        step.arrive_and_wait();
        step.arrive_and_wait();
        CHECK(now.size_estimate() == 0);
        CHECK_SOUND(now);
    }
    buffer.clear();
    buffer.shrink_to_fit();
    step.arrive_and_wait();
    for (std::thread& one : crew) {
        one.join();
    }
    CHECK(sum == std::size_t{rounds} * 3 * 30 * 30);
}

TEST_CASE("a thread that ends gives back to every pool that it used") {
    concurrent_block_pool first({.block_bytes = 64, .capacity = 300, .threads = 2});
    millpond::concurrent_object_pool<int> second({.capacity = 300, .threads = 2});
    millpond::recycling_pool<int> third({.capacity = 300, .threads = 2});
    std::thread([&] {
        live_shortly(first, 200);
        std::vector<millpond::concurrent_object_pool<int>::unique> objects;
        std::vector<millpond::recycling_pool<int>::lease> leases;
        for (int i = 0; i < 200; ++i) {
            objects.push_back(second.make_unique(i));
            leases.push_back(third.acquire(i));
        }
    }).join();
    CHECK(count_available(first) == first.stats().blocks);
    CHECK(second.reserve_tokens(second.stats().blocks).remaining() == second.stats().blocks);
    std::size_t lent = 0;
    std::vector<millpond::recycling_pool<int>::lease> leases;
    for (auto one = third.try_acquire(); one; one = third.try_acquire()) {
        leases.push_back(std::move(one));
        ++lent;
    }
    CHECK(lent == third.stats().blocks);
}
