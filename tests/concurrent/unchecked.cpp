// SPDX-License-Identifier: MIT
/// \file
/// Concurrent pools of the level that somebody asked for by name: nothing is checked but options and
/// exhaustion, and everything else holds.

#include "millpond/millpond.hpp"

#include <atomic>
#include <memory>
#include <random>
#include <stdexcept>
#include <vector>

#include "crew.hpp"
#include "pool/child.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

static_assert(!millpond::checked_build);

using millpond::test::effort;

TEST_CASE("an unchecked pool gives no block to two threads and stays sound") {
    millpond::concurrent_block_pool pool({.block_bytes = 64, .capacity = 600, .threads = 3});
    std::atomic<bool> intact = true;
    std::vector<std::atomic<void*>> places(64); // a block in here is whoever's takes it out
    millpond::test::run_together(4, [&](std::size_t self) {
        std::mt19937_64 random(self);
        for (std::size_t step = 0; step < effort<std::size_t>(100'000, 10'000, 1'000); ++step) {
            auto* const block = static_cast<std::size_t*>(pool.try_allocate());
            const std::size_t stamp = step * 4 + self;
            if (block != nullptr) {
                block[0] = stamp;
                block[7] = stamp;
            }
            auto* const other =
                static_cast<std::size_t*>(places[random() % places.size()].exchange(block));
            if (other != nullptr) {
                intact = intact && other[0] == other[7];
                other[0] = ~std::size_t{0};
                pool.deallocate(other);
            }
        }
    });
    for (auto& place : places) {
        pool.deallocate(place.load());
    }
    CHECK(intact);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
    CHECK(millpond::test::count_available(pool) == pool.stats().blocks);
}

TEST_CASE("unchecked concurrent pools still refuse bad options and exhaustion") {
    CHECK_THROWS_AS(millpond::concurrent_block_pool({.block_bytes = 0, .capacity = 1}),
                    std::invalid_argument);
    millpond::concurrent_object_pool<int> pool({.capacity = 1});
    (void)pool.create(1);
    CHECK(pool.try_create(2) == nullptr);
    CHECK_THROWS_AS((void)pool.create(2), millpond::pool_exhausted);
}

TEST_CASE("an unchecked object pool destroys what is left and a recycling pool what it built") {
    const auto counted = std::make_shared<int>(0);
    {
        millpond::concurrent_object_pool<std::shared_ptr<int>> pool({.capacity = 100});
        for (int i = 0; i < 50; ++i) {
            (void)pool.create(counted);
        }
        millpond::recycling_pool<std::shared_ptr<int>> recycled({.capacity = 100});
        for (int i = 0; i < 50; ++i) {
            CHECK(*recycled.acquire(counted) == counted);
        }
        CHECK(counted.use_count() > 51);
    }
    CHECK(counted.use_count() == 1);
}

TEST_CASE("an unchecked concurrent pool reports no leak") {
    const auto result = millpond::test::run_in_child([] {
        millpond::concurrent_block_pool pool({.block_bytes = 64, .capacity = 10});
        (void)pool.allocate();
    });
    CHECK(result.code == 0);
    CHECK(result.error_output.empty());
}
