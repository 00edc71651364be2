// SPDX-License-Identifier: MIT
/// \file
/// Growth in committed steps: nothing moves, nothing is linked.

#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/object_pool.hpp"

#include <set>
#include <vector>

#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::block_pool;

TEST_CASE("a pool grows to its maximum in steps and moves nothing") {
    block_pool pool({.block_bytes = 4096, .capacity = 1, .max_capacity = 10'000});
    std::vector<int*> blocks;
    std::set<std::size_t> capacities;
    while (void* const block = pool.try_allocate()) {
        blocks.push_back(static_cast<int*>(block));
        *blocks.back() = static_cast<int>(blocks.size());
        capacities.insert(pool.capacity());
        if (blocks.size() % 512 == 0) {
            REQUIRE_SOUND(pool);
        }
    }
    CHECK(blocks.size() == 10'000);
    CHECK(capacities.size() > 5);
    CHECK(*capacities.rbegin() == 10'000);
    bool kept = true;
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        kept = kept && *blocks[i] == static_cast<int>(i + 1);
    }
    CHECK(kept);
    CHECK(pool.stats().growth_error == 0);
    pool.clear();
}

TEST_CASE("a step is at least 2 MiB and at most an eighth of what is there or that") {
    block_pool pool({.block_bytes = 64, .capacity = 64, .max_capacity = 4'000'000});
    std::size_t before = pool.capacity();
    bool steps = true;
    while (pool.capacity() < 4'000'000) {
        std::vector<void*> rest(pool.available() + 1);
        pool.allocate_bulk(rest);
        const std::size_t step = pool.capacity() - before;
        const std::size_t largest = std::max(std::size_t{32768}, before / 8);
        steps = steps && step <= largest && (step == largest || pool.capacity() == 4'000'000);
        before = pool.capacity();
    }
    CHECK(steps);
    pool.clear();
}

TEST_CASE("a pool that grew hands out every block once and takes every block back") {
    block_pool pool({.block_bytes = 32, .capacity = 7, .max_capacity = 200'003});
    std::set<void*> blocks;
    while (void* const block = pool.try_allocate()) {
        blocks.insert(block);
    }
    CHECK(blocks.size() == 200'003);
    for (void* const block : blocks) {
        pool.deallocate(block);
    }
    CHECK(pool.size() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("reserve commits exactly once for what is asked and never takes anything away") {
    block_pool pool({.block_bytes = 64, .capacity = 10, .max_capacity = 100'000});
    pool.reserve(50'000);
    CHECK(pool.capacity() >= 50'000);
    const std::size_t capacity = pool.capacity();
    pool.reserve(5);
    pool.reserve(0);
    CHECK(pool.capacity() == capacity);
    pool.reserve(100'000);
    CHECK(pool.capacity() == 100'000);
    CHECK_SOUND(pool);
}

TEST_CASE("reserve beyond the maximum throws and changes nothing") {
    block_pool pool({.name = "r", .block_bytes = 64, .capacity = 10, .max_capacity = 100'000});
    const std::size_t capacity = pool.capacity();
    CHECK_THROWS_WITH_AS(pool.reserve(100'001),
                         "millpond: pool 'r' is exhausted: capacity 100000, peak 0",
                         millpond::pool_exhausted);
    CHECK(pool.capacity() == capacity);
    CHECK_SOUND(pool);
}

TEST_CASE("a pool on the heap has its maximum from the start") {
    block_pool pool({.block_bytes = 64,
                     .capacity = 10,
                     .max_capacity = 1000,
                     .memory = {.source = millpond::memory_source::heap}});
    CHECK(pool.capacity() == 1000);
    std::vector<void*> blocks(1000);
    pool.allocate_bulk(blocks);
    CHECK(pool.try_allocate() == nullptr);
    CHECK_SOUND(pool);
    pool.clear();
}

TEST_CASE("a large pool that nobody uses costs address space and nothing else") {
    const block_pool pool({.block_bytes = 1024, .capacity = 1, .max_capacity = 100'000'000});
    CHECK(pool.capacity() < 10'000);
    CHECK(pool.stats().max_capacity == 100'000'000);
}

TEST_CASE("a moved pool goes on growing in its place") {
    block_pool first({.block_bytes = 4096, .capacity = 10, .max_capacity = 5000});
    std::vector<void*> blocks(10);
    first.allocate_bulk(blocks);
    block_pool second(std::move(first));
    std::vector<void*> more(4990);
    second.allocate_bulk(more);
    CHECK(second.size() == 5000);
    CHECK_SOUND(second);
    second.clear();
}
