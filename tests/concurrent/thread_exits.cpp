// SPDX-License-Identifier: MIT
/// \file
/// What a thread's own last destructors may do with a pool: free and allocate, before and after the
/// pool has taken back what it kept for the thread.

#include "millpond/millpond.hpp"

#include <array>
#include <cstddef>
#include <optional>
#include <thread>
#include <vector>

#include "crew.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::test::count_available;

namespace {

/// Frees its block, and allocates and frees some more, when its thread ends.
struct last_user {
    last_user() noexcept = default;
    last_user(const last_user&) = delete;
    last_user& operator=(const last_user&) = delete;

    ~last_user() {
        if (pool == nullptr) {
            return;
        }
        pool->deallocate(block);
        std::array<void*, 20> more{};
        had = pool->try_allocate_bulk(more);
        *result = had == more.size() && pool->owns(more[0]);
        for (std::size_t i = 0; i < had; ++i) {
            pool->deallocate(more[i]);
        }
    }

    void begin(concurrent_block_pool& used, bool& worked) {
        pool = &used;
        result = &worked;
        block = used.allocate();
    }

    concurrent_block_pool* pool = nullptr;
    void* block = nullptr;
    bool* result = nullptr;
    std::size_t had = 0;
};

thread_local last_user early; // constructed before the first use of a pool, so destroyed after it
thread_local last_user late;  // the other way round

} // namespace

TEST_CASE("a thread_local object from before the first use of a pool frees its block at the end") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 200, .threads = 1});
    for (int life = 0; life < 20; ++life) {
        bool worked = false;
        std::thread([&] {
            early.had = 1; // constructs it
            early.begin(pool, worked);
            CHECK(pool.local().keeps_blocks());
        }).join();
        CHECK(worked);
        CHECK(pool.size_estimate() == 0);
        CHECK_SOUND(pool);
    }
    CHECK(count_available(pool) == pool.stats().blocks);
}

TEST_CASE("a thread_local object from after the first use of a pool frees its block at the end") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 200, .threads = 1});
    for (int life = 0; life < 20; ++life) {
        bool worked = false;
        std::thread([&] {
            pool.deallocate(pool.allocate());
            late.begin(pool, worked);
            CHECK(pool.local().keeps_blocks());
        }).join();
        CHECK(worked);
        CHECK(pool.size_estimate() == 0);
        CHECK_SOUND(pool);
    }
    CHECK(count_available(pool) == pool.stats().blocks);
}

TEST_CASE("threads that use pools in their last destructors only take no place for good") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 200, .threads = 1});
    void* left = nullptr;
    for (int life = 0; life < 600; ++life) { // more than there are numbers for threads
        bool worked = false;
        left = pool.try_allocate_for(std::chrono::seconds(0));
        std::thread([&] {
            early.pool = &pool;
            early.result = &worked;
            early.block = left;
            late.pool = nullptr;
        }).join();
        REQUIRE(worked);
    }
    bool keeps = false;
    concurrent_block_pool other({.block_bytes = 64, .capacity = 200, .threads = 1});
    std::thread([&] { keeps = other.local().keeps_blocks(); }).join();
    CHECK(keeps);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a pool may be gone before the threads that used it, or made and gone within one") {
    std::optional<concurrent_block_pool> pool;
    pool.emplace(millpond::concurrent_block_pool_options{.block_bytes = 64, .capacity = 100});
    std::size_t count = 0;
    std::thread user([&] {
        count = count_available(*pool);
        pool.reset();
        concurrent_block_pool mine({.block_bytes = 64, .capacity = 50, .threads = 1});
        count += count_available(mine);
        pool.emplace(millpond::concurrent_block_pool_options{.block_bytes = 64, .capacity = 70});
        count += count_available(*pool);
    });
    user.join();
    CHECK(count >= 100 + 50 + 70);
    CHECK(count_available(*pool) == pool->stats().blocks);
    CHECK_SOUND(*pool);
}

TEST_CASE("an object destroyed and a lease ended in a thread's last destructors go back") {
    millpond::concurrent_object_pool<int> objects({.capacity = 100, .threads = 1});
    millpond::recycling_pool<int> recycled({.capacity = 100, .threads = 1});

    struct holder {
        millpond::concurrent_object_pool<int>::unique object;
        millpond::recycling_pool<int>::lease lent;
    };

    for (int life = 0; life < 5; ++life) {
        std::thread([&] {
            thread_local holder mine;
            mine.object = objects.make_unique(1);
            mine.lent = recycled.acquire(2);
        }).join();
        CHECK(objects.size_estimate() == 0);
        CHECK(recycled.size_estimate() == 0);
        CHECK_SOUND(objects);
        CHECK_SOUND(recycled);
    }
}
