// SPDX-License-Identifier: MIT
/// \file
/// What one thread sees of a pool for many: pool/concurrent_block_pool.hpp.

#include "millpond/millpond.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <string>
#include <thread>
#include <type_traits>
#include <vector>

#include "crew.hpp"
#include "pool/child.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::pool_exhausted;
using millpond::test::drain;
using millpond::test::free_all;
using millpond::test::run_in_child;

static_assert(!std::is_move_constructible_v<concurrent_block_pool>);
static_assert(!std::is_copy_constructible_v<concurrent_block_pool>);
static_assert(!std::is_copy_constructible_v<concurrent_block_pool::reservation>);

namespace {

/// What a child says that leaves a block behind, and how it ends.
millpond::test::outcome leak_in_a_child(millpond::leak_policy leaks) {
    return run_in_child([leaks] {
        concurrent_block_pool pool(
            {.name = "leaky", .block_bytes = 64, .capacity = 100, .leaks = leaks});
        std::thread([&pool] { (void)pool.allocate(); }).join();
        pool.deallocate(pool.allocate());
    });
}

} // namespace

TEST_CASE("a full pool gives nullptr and throws an exception that names it") {
    concurrent_block_pool pool({.name = "brook", .block_bytes = 16, .capacity = 100, .threads = 1});
    std::vector<void*> blocks = drain(pool);
    CHECK(pool.try_allocate() == nullptr);
    CHECK(pool.try_allocate_direct() == nullptr);
    CHECK(pool.local().try_allocate() == nullptr);
    CHECK_THROWS_WITH_AS(
        (void)pool.allocate(), "millpond: pool 'brook' is exhausted: capacity 100", pool_exhausted);
    CHECK_THROWS_AS((void)pool.local().allocate(), pool_exhausted);
    CHECK_THROWS_AS((void)pool.reserve_tokens(1), pool_exhausted);
    CHECK(pool.stats().failures >= 6);
    pool.deallocate(blocks.back());
    blocks.back() = pool.allocate();
    free_all(pool, blocks);
    CHECK_SOUND(pool);
}

TEST_CASE("statistics count live blocks exactly whichever way they came and went") {
    concurrent_block_pool pool({.block_bytes = 32, .capacity = 1'000, .threads = 3});
    auto mine = pool.local();
    void* const first = pool.try_allocate();
    void* const second = mine.try_allocate();
    void* const third = pool.try_allocate_direct();
    std::array<void*, 40> many{};
    pool.allocate_bulk(many);
    CHECK(pool.size_estimate() == 43);
    CHECK(pool.stats().live == 43);
    CHECK(pool.stats().free == pool.stats().blocks - 43);
    CHECK_SOUND(pool);
    pool.deallocate_direct(first); // every way out fits every way in
    pool.deallocate(third);
    pool.deallocate_bulk(many);
    mine.deallocate(second);
    CHECK(pool.size_estimate() == 0);
    CHECK(pool.stats().failures == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("null pointers are ignored by every way of freeing") {
    concurrent_block_pool pool({.block_bytes = 32, .capacity = 100});
    const std::array<void*, 3> nothing{};
    pool.deallocate(nullptr);
    pool.deallocate_direct(nullptr);
    pool.deallocate_bulk(nothing);
    pool.local().deallocate(nullptr);
    pool.local().deallocate_bulk(nothing);
    std::thread([&] { pool.deallocate(nullptr); }).join();
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a bulk that does not fit throws and keeps nothing, and the trying one says how many") {
    concurrent_block_pool pool({.name = "bulk", .block_bytes = 64, .capacity = 200, .threads = 2});
    const std::size_t all = pool.stats().blocks;
    std::vector<void*> blocks(all + 10);
    CHECK_THROWS_AS(pool.allocate_bulk(blocks), pool_exhausted);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
    CHECK(pool.try_allocate_bulk(blocks) == all);
    CHECK(blocks[all - 1] != nullptr);
    CHECK(blocks[all] == nullptr);
    CHECK(pool.try_allocate_bulk(std::span(blocks).last(10)) == 0);
    pool.deallocate_bulk(std::span(blocks).first(all));
    CHECK_SOUND(pool);
    pool.allocate_bulk(std::span(blocks).first(all));
    std::sort(blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(all));
    CHECK(std::adjacent_find(blocks.begin(), blocks.begin() + static_cast<std::ptrdiff_t>(all)) ==
          blocks.begin() + static_cast<std::ptrdiff_t>(all));
    pool.local().deallocate_bulk(std::span(blocks).first(all));
    CHECK(pool.local().try_allocate_bulk(std::span(blocks).first(50)) == 50);
    pool.deallocate_bulk(std::span(blocks).first(50));
    CHECK_SOUND(pool);
}

TEST_CASE("a bulk that is freed can be had by a thread that keeps nothing at once") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 500, .threads = 1});
    std::vector<void*> blocks = drain(pool);
    pool.deallocate_bulk(blocks);
    std::size_t count = 0;
    std::thread([&] { count = millpond::test::count_available(pool); }).join();
    CHECK(count == blocks.size());
    CHECK_SOUND(pool);
}

TEST_CASE("a pool owns the addresses inside its blocks and no others") {
    concurrent_block_pool pool({.block_bytes = 48, .capacity = 10, .threads = 1});
    concurrent_block_pool other({.block_bytes = 48, .capacity = 10, .threads = 1});
    auto* const block = static_cast<std::byte*>(pool.allocate());
    CHECK(pool.owns(block));
    CHECK(pool.owns(block + 47));
    CHECK_FALSE(other.owns(block));
    CHECK_FALSE(pool.owns(nullptr));
    CHECK_FALSE(pool.owns(&pool));
    std::vector<void*> rest = drain(pool);
    const auto* const end = static_cast<std::byte*>(*std::max_element(rest.begin(), rest.end()));
    CHECK(pool.owns(end + 47));
    CHECK_FALSE(pool.owns(end + 48));
    free_all(pool, rest);
    pool.deallocate(block);
}

TEST_CASE("a thread that frees a block gets the same block next, through the pool and its view") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 1'000, .threads = 2});
    auto mine = pool.local();
    CHECK(mine.keeps_blocks());
    void* const block = mine.allocate();
    mine.deallocate(block);
    CHECK(pool.try_allocate() == block);
    pool.deallocate(block);
    CHECK(mine.try_allocate() == block);
    mine.deallocate(block);
    CHECK_SOUND(pool);
}

TEST_CASE("the view of a thread beyond the pool's threads works and says that it keeps nothing") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 100, .threads = 1});
    CHECK(pool.local().keeps_blocks());
    bool keeps = true;
    std::size_t count = 0;
    std::thread([&] {
        auto mine = pool.local();
        keeps = mine.keeps_blocks();
        std::vector<void*> blocks = drain(mine);
        count = blocks.size();
        mine.deallocate_bulk(std::span(blocks).first(20));
        blocks.erase(blocks.begin(), blocks.begin() + 20);
        free_all(mine, blocks);
    }).join();
    CHECK_FALSE(keeps);
    CHECK(count == pool.stats().blocks);
    CHECK_SOUND(pool);
}

TEST_CASE("a block that goes to another thread is that thread's to free through its view") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 5'000, .threads = 2});
    std::vector<void*> blocks = drain(pool);
    std::thread([&] {
        auto mine = pool.local();
        free_all(mine, blocks);
    }).join();
    CHECK(pool.size_estimate() == 0);
    CHECK(millpond::test::count_available(pool) == pool.stats().blocks);
    CHECK_SOUND(pool);
}

TEST_CASE("blocks that are live when a pool dies are reported or ignored or stop the program") {
    const auto reported = leak_in_a_child(millpond::leak_policy::report);
    CHECK(reported.code == 0);
    CHECK(reported.error_output ==
          "millpond: pool 'leaky': destroyed with 1 live block of 64 bytes\n");
    const auto ignored = leak_in_a_child(millpond::leak_policy::ignore);
    CHECK(ignored.code == 0);
    CHECK(ignored.error_output.empty());
    const auto stopped = leak_in_a_child(millpond::leak_policy::stop);
    CHECK(stopped.signal == SIGABRT);
    CHECK(stopped.error_output ==
          "millpond: pool 'leaky': destroyed with 1 live block of 64 bytes\n");
}
