// SPDX-License-Identifier: MIT
/// \file
/// Raw blocks, one at a time: pool/block_pool.hpp.

#include "millpond/pool/block_pool.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "child.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::block_pool;

TEST_CASE("a block that was freed last is handed out next") {
    block_pool pool({.block_bytes = 64, .capacity = 100});
    void* const first = pool.allocate();
    void* const second = pool.allocate();
    pool.deallocate(first);
    CHECK(pool.allocate() == first);
    pool.deallocate(second);
    CHECK(pool.allocate() == second);
    pool.deallocate(first);
    pool.deallocate(second);
    CHECK_SOUND(pool);
}

TEST_CASE("a fresh pool hands out its blocks in address order") {
    block_pool pool({.block_bytes = 48, .capacity = 1000});
    std::vector<void*> blocks(1000);
    std::generate(blocks.begin(), blocks.end(), [&] { return pool.allocate(); });
    bool neighbours = true;
    for (std::size_t i = 1; i < blocks.size(); ++i) {
        neighbours =
            neighbours && static_cast<char*>(blocks[i]) - static_cast<char*>(blocks[i - 1]) == 48;
    }
    CHECK(neighbours);
    pool.deallocate_bulk(blocks);
}

TEST_CASE("what is written into one block stays until it is freed whatever happens to the others") {
    block_pool pool({.block_bytes = 24, .capacity = 500});
    std::vector<std::pair<unsigned char*, unsigned char>> live;
    std::mt19937 random(5);
    bool kept = true;
    for (int step = 0; step < 50'000; ++step) {
        auto* const block =
            random() % 2 == 0 ? static_cast<unsigned char*>(pool.try_allocate()) : nullptr;
        if (block != nullptr) {
            const auto value = static_cast<unsigned char>(random());
            std::memset(block, value, 24);
            live.emplace_back(block, value);
        } else if (!live.empty()) {
            std::swap(live[random() % live.size()], live.back());
            const auto [old, value] = live.back();
            kept = kept && std::all_of(old, old + 24, [v = value](auto byte) { return byte == v; });
            pool.deallocate(old);
            live.pop_back();
        }
    }
    CHECK(kept);
    CHECK(pool.size() == live.size());
    CHECK_SOUND(pool);
    pool.clear();
}

TEST_CASE("a pool of one block hands it out once") {
    block_pool pool({.block_bytes = 1, .capacity = 1});
    void* const only = pool.allocate();
    CHECK(pool.try_allocate() == nullptr);
    pool.deallocate(only);
    CHECK(pool.allocate() == only);
    pool.deallocate(only);
    CHECK_SOUND(pool);
}

TEST_CASE("freeing a null pointer changes nothing") {
    block_pool pool({.block_bytes = 16, .capacity = 4});
    pool.deallocate(nullptr);
    void* const block = pool.allocate();
    pool.deallocate(nullptr);
    CHECK(pool.size() == 1);
    pool.deallocate(block);
    pool.deallocate(nullptr);
    CHECK(pool.size() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a pool owns every byte of its blocks and nothing outside them") {
    block_pool pool({.block_bytes = 32, .capacity = 64});
    auto* const first = static_cast<char*>(pool.allocate());
    CHECK(pool.owns(first));
    CHECK(pool.owns(first + 31));
    CHECK(pool.owns(first + 32 * 64 - 1));
    CHECK_FALSE(pool.owns(first + 32 * 64));
    CHECK_FALSE(pool.owns(first - 1));
    CHECK_FALSE(pool.owns(nullptr));
    CHECK_FALSE(pool.owns(&pool));
    pool.deallocate(first);
}

TEST_CASE("a cleared pool hands out all its blocks again from the lowest") {
    for (const std::size_t capacity : {1U, 64U, 1000U}) {
        block_pool pool({.block_bytes = 16, .capacity = capacity});
        void* const first = pool.allocate();
        std::vector<void*> blocks{first};
        while (blocks.size() < capacity) {
            blocks.push_back(pool.allocate());
        }
        std::shuffle(blocks.begin(), blocks.end(), std::mt19937(1));
        for (std::size_t i = 0; i < capacity / 2; ++i) {
            pool.deallocate(blocks[i]);
        }
        pool.clear();
        CHECK(pool.size() == 0);
        CHECK(pool.high_water() == capacity);
        CHECK_SOUND(pool);
        CHECK(pool.allocate() == first);
        std::size_t again = 1;
        while (pool.try_allocate() != nullptr) {
            ++again;
        }
        CHECK(again == capacity);
        pool.clear();
    }
}

TEST_CASE("every block of a pool above 64 squared and 64 cubed blocks comes once and comes back") {
    for (const std::size_t capacity : {4097U, 262'147U}) {
        CAPTURE(capacity);
        block_pool pool({.block_bytes = 8, .capacity = capacity});
        std::vector<void*> blocks(capacity);
        std::generate(blocks.begin(), blocks.end(), [&] { return pool.try_allocate(); });
        CHECK(std::set<void*>(blocks.begin(), blocks.end()).size() == capacity);
        CHECK(pool.try_allocate() == nullptr);
        std::shuffle(blocks.begin(), blocks.end(), std::mt19937(2));
        for (void* const block : blocks) {
            pool.deallocate(block);
        }
        CHECK_SOUND(pool);
        CHECK(pool.available() == capacity);
        std::size_t again = 0;
        while (pool.try_allocate() != nullptr) {
            ++again;
        }
        CHECK(again == capacity);
        CHECK_SOUND(pool);
        pool.clear();
    }
}

TEST_CASE("a pool that is moved keeps its blocks where they are") {
    block_pool first({.name = "moved", .block_bytes = 64, .capacity = 300});
    void* const block = first.allocate();
    void* const freed = first.allocate();
    first.deallocate(freed);
    block_pool second(std::move(first));
    CHECK(second.size() == 1);
    CHECK(std::string(second.name()) == "moved");
    CHECK(second.allocate() == freed);
    second.deallocate(block);
    second.deallocate(freed);
    CHECK_SOUND(second);
}

TEST_CASE("a pool that was moved from is full and empty at once and can be assigned to") {
    block_pool first({.block_bytes = 64, .capacity = 300});
    block_pool second(std::move(first));
    // NOLINTBEGIN(bugprone-use-after-move): what a pool says after a move is the subject
    CHECK(first.try_allocate() == nullptr);
    std::vector<void*> out(3);
    CHECK(first.try_allocate_bulk(out) == 0);
    CHECK_THROWS_AS((void)first.allocate(), millpond::pool_exhausted);
    CHECK(first.capacity() == 0);
    CHECK(first.size() == 0);
    CHECK_FALSE(first.owns(second.allocate()));
    first.clear();
    CHECK(first.shrink() == 0);
    first.deallocate(nullptr);
    CHECK_THROWS_AS(first.reserve(1), millpond::pool_exhausted);
    CHECK_SOUND(first);
    first = std::move(second);
    CHECK(first.size() == 1);
    CHECK_SOUND(first);
    // NOLINTEND(bugprone-use-after-move)
    first.clear();
}

TEST_CASE("a pool that is assigned to gives its own memory back first") {
    const auto result = millpond::test::run_in_child([] {
        block_pool first({.name = "first", .block_bytes = 64, .capacity = 10});
        block_pool second({.name = "second", .block_bytes = 32, .capacity = 20});
        (void)first.allocate();
        void* const kept = second.allocate();
        first = std::move(second);
        if (first.capacity() != 20 || first.size() != 1 || first.block_bytes() != 32 ||
            !first.owns(kept) || !first.verify()) {
            std::abort();
        }
        first.deallocate(kept);
    });
    CHECK(result.signal == 0);
    CHECK(result.error_output ==
          "millpond: pool 'first': destroyed with 1 live block of 64 bytes\n");
}

TEST_CASE("a pool that is assigned to itself is unchanged") {
    block_pool pool({.block_bytes = 64, .capacity = 10});
    void* const block = pool.allocate();
    block_pool& same = pool;
    pool = std::move(same);
    CHECK(pool.size() == 1);
    pool.deallocate(block);
    CHECK_SOUND(pool);
}
