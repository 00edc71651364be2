// SPDX-License-Identifier: MIT
/// \file
/// The peak is exact although nothing counts allocations: base/stats.hpp.

#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/static_pool.hpp"

#include <algorithm>
#include <random>
#include <utility>
#include <vector>

#include "sound.hpp"
#include <doctest/doctest.h>

namespace {

/// Allocates and frees at random around slowly wandering levels, single and in bulk; true when the
/// pool's size and peak are those of a counter after every step.
template <class Pool>
bool peak_is_exact(Pool& pool, std::uint32_t seed, int steps) {
    std::mt19937 random(seed);
    std::vector<void*> live;
    std::size_t peak = 0;
    std::size_t level = 1;
    for (int step = 0; step < steps; ++step) {
        if (random() % 64 == 0) {
            level = random() % pool.capacity() + 1;
        }
        if (random() % 40 == 0) {
            std::vector<void*> batch(random() % 100);
            batch.resize(pool.try_allocate_bulk(batch));
            live.insert(live.end(), batch.begin(), batch.end());
        } else if (random() % 40 == 0) {
            const auto count = static_cast<std::ptrdiff_t>(random() % (live.size() + 1));
            pool.deallocate_bulk(std::span(live).last(static_cast<std::size_t>(count)));
            live.erase(live.end() - count, live.end());
        } else if (random() % (level + live.size()) < level) {
            if (void* const block = pool.try_allocate()) {
                live.push_back(block);
            }
        } else if (!live.empty()) {
            std::swap(live[random() % live.size()], live.back());
            pool.deallocate(live.back());
            live.pop_back();
        }
        peak = std::max(peak, live.size());
        if (pool.high_water() != peak || pool.size() != live.size()) {
            return false;
        }
    }
    pool.deallocate_bulk(live);
    return pool.high_water() == peak && pool.verify();
}

} // namespace

TEST_CASE("the high-water mark of a block pool is exact after every random step") {
    for (const std::size_t capacity : {1U, 5U, 64U, 300U, 2000U}) {
        CAPTURE(capacity);
        millpond::block_pool pool({.block_bytes = 8, .capacity = capacity});
        CHECK(peak_is_exact(pool, static_cast<std::uint32_t>(capacity), 40'000));
    }
}

TEST_CASE("the high-water mark of a static pool is exact after every random step") {
    static constinit millpond::static_block_pool<8, 3> tiny;
    CHECK(peak_is_exact(tiny, 1, 40'000));
    static constinit millpond::static_block_pool<8, 257> larger;
    CHECK(peak_is_exact(larger, 2, 40'000));
}

TEST_CASE("the high-water mark survives clear and a move") {
    millpond::block_pool pool({.block_bytes = 8, .capacity = 100});
    std::vector<void*> blocks(30);
    pool.allocate_bulk(blocks);
    pool.clear();
    CHECK(pool.high_water() == 30);
    (void)pool.allocate();
    CHECK(pool.high_water() == 30);
    millpond::block_pool moved(std::move(pool));
    CHECK(moved.high_water() == 30);
    moved.clear();
}
