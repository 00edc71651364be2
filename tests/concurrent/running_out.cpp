// SPDX-License-Identifier: MIT
/// \file
/// Each call of a concurrent pool that can come back empty-handed has a form that says so without
/// throwing, and leaves everything as it was.

#include "millpond/millpond.hpp"

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "crew.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::concurrent_object_pool;
using millpond::test::drain;
using millpond::test::free_all;

TEST_CASE("try_reserve_tokens sets blocks aside, or nothing when there are not so many") {
    concurrent_block_pool pool({.block_bytes = 16, .capacity = 100});
    static_assert(noexcept(pool.try_reserve_tokens(1)));
    const std::size_t all = pool.stats().blocks;
    CHECK_FALSE(pool.try_reserve_tokens(all + 1).has_value());
    CHECK(pool.stats().reserved == 0);
    auto aside = pool.try_reserve_tokens(all);
    REQUIRE(aside.has_value());
    CHECK(aside->remaining() == all);
    CHECK_FALSE(pool.try_reserve_tokens(1).has_value());
    CHECK(pool.try_reserve_tokens(0).has_value()); // nothing is never too much
    pool.deallocate(aside->allocate());
    aside.reset();
    CHECK(pool.stats().reserved == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a pool of objects sets places aside, or nothing when there are not so many") {
    concurrent_object_pool<int> pool({.capacity = 100});
    const std::size_t all = pool.stats().blocks;
    CHECK_FALSE(pool.try_reserve_tokens(all + 1).has_value());
    auto aside = pool.try_reserve_tokens(2);
    REQUIRE(aside.has_value());
    pool.destroy(aside->create(7));
    pool.destroy(aside->try_create(7));
    CHECK(aside->try_create(7) == nullptr);
    CHECK_THROWS_AS((void)aside->create(7), millpond::pool_exhausted);
    CHECK_SOUND(pool);
}

TEST_CASE("a reservation that is used up throws, or gives nullptr to who asks for that") {
    concurrent_block_pool pool({.name = "tokens", .block_bytes = 16, .capacity = 100});
    auto aside = pool.reserve_tokens(2);
    std::vector<void*> blocks{aside.allocate(), aside.try_allocate()};
    CHECK(aside.try_allocate() == nullptr);
    CHECK_THROWS_AS((void)aside.allocate(), millpond::pool_exhausted);
    CHECK(pool.size_estimate() == 2);
    free_all(pool, blocks);
    CHECK_SOUND(pool);
}

TEST_CASE("owners of a full concurrent pool's objects are empty, not thrown") {
    concurrent_object_pool<int> pool({.capacity = 3, .bound = millpond::capacity_bound::exact});
    static_assert(noexcept(pool.try_make_unique(1)));
    auto first = pool.try_make_unique(1);
    std::vector<std::shared_ptr<int>> owners{pool.try_make_shared(2), pool.try_make_shared(3)};
    CHECK(*first == 1);
    CHECK(*owners[1] == 3);
    CHECK(pool.try_make_unique(4) == nullptr);
    CHECK(pool.try_make_shared(4) == nullptr);
    first.reset();
    CHECK(pool.try_make_shared(4) != nullptr);
    owners.clear();
    CHECK_SOUND(pool);
}

TEST_CASE(
    "try_make_shared of a concurrent pool is empty when weak pointers hold all control blocks") {
    concurrent_object_pool<int> pool({.capacity = 2, .bound = millpond::capacity_bound::exact});
    std::vector<std::weak_ptr<int>> watchers;
    for (int i = 0; i < 2; ++i) {
        watchers.emplace_back(pool.try_make_shared(i));
    }
    CHECK(pool.size_estimate() == 0);
    CHECK(pool.try_make_shared(3) == nullptr);
    CHECK(pool.size_estimate() == 0);
    watchers.clear();
    CHECK(pool.try_make_shared(3) != nullptr);
    CHECK_SOUND(pool);
}
