// SPDX-License-Identifier: MIT
/// \file
/// Returning pages to the system: `shrink`.

#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/object_pool.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <vector>

#include "process_maps.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::block_pool;

namespace {

const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

} // namespace

TEST_CASE("shrinking an empty pool returns all that was resident and every block works after") {
    block_pool pool({.block_bytes = 512, .capacity = 4000});
    std::vector<void*> blocks(4000);
    pool.allocate_bulk(blocks);
    for (void* const block : blocks) {
        std::memset(block, 1, 512);
    }
    auto* const first = *std::min_element(blocks.begin(), blocks.end());
    pool.deallocate_bulk(blocks);
    CHECK(pool.shrink() == 500 * page);
    CHECK(millpond::test::resident_bytes(first, 500 * page) == 0);
    CHECK(pool.shrink() == 0);
    CHECK_SOUND(pool);
    pool.allocate_bulk(blocks);
    CHECK(std::set<void*>(blocks.begin(), blocks.end()).size() == 4000);
    for (void* const block : blocks) {
        std::memset(block, 2, 512);
    }
    CHECK_SOUND(pool);
    pool.clear();
}

TEST_CASE("shrinking returns just the whole pages between live blocks and keeps their contents") {
    std::mt19937 random(12);
    for (int round = 0; round < 20; ++round) {
        block_pool pool({.block_bytes = 640, .capacity = 3000});
        std::vector<char*> blocks;
        while (void* const block = pool.try_allocate()) {
            std::memset(block, static_cast<int>(blocks.size() % 251), 640);
            blocks.push_back(static_cast<char*>(block));
        }
        std::vector<bool> page_in_use((3000 * 640 + page - 1) / page);
        const auto keep_one_in = random() % 200 + 1;
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            if (random() % keep_one_in != 0) {
                pool.deallocate(blocks[i]);
                blocks[i] = nullptr;
                continue;
            }
            for (std::size_t byte = i * 640; byte <= i * 640 + 639; byte += 639) {
                page_in_use[byte / page] = true;
            }
        }
        // Only the last page is in doubt: the blocks end in its middle.
        const auto unused =
            static_cast<std::size_t>(std::count(page_in_use.begin(), page_in_use.end() - 1, false));
        const std::size_t returned = pool.shrink();
        CHECK(returned >= unused * page);
        CHECK(returned <= (unused + 1) * page);
        bool kept = true;
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            if (blocks[i] != nullptr) {
                kept = kept && std::all_of(blocks[i], blocks[i] + 640, [&](char byte) {
                           return byte == static_cast<char>(i % 251);
                       });
            }
        }
        CHECK(kept);
        CHECK_SOUND(pool);
        std::size_t again = 0;
        while (pool.try_allocate() != nullptr) {
            ++again;
        }
        CHECK(again == static_cast<std::size_t>(std::count(blocks.begin(), blocks.end(), nullptr)));
        pool.clear();
    }
}

TEST_CASE("a pool that shrinks at random moments stays sound and hands out no block twice") {
    block_pool pool({.block_bytes = 8, .capacity = 10'000});
    std::set<void*> live;
    std::mt19937 random(13);
    bool sound = true;
    for (int step = 0; step < 20'000; ++step) {
        if (random() % 1000 == 0) {
            (void)pool.shrink();
            sound = sound && millpond::test::fault_of(pool).empty();
        }
        const bool growing = step / 4000 % 2 == 0;
        if (random() % 3 != 0 ? growing : !growing) {
            if (void* const block = pool.try_allocate()) {
                sound = live.insert(block).second && sound;
            }
        } else if (!live.empty()) {
            pool.deallocate(*live.rbegin()); // from the end, so that the frontier goes back
            live.erase(std::prev(live.end()));
        }
        sound = sound && pool.size() == live.size();
    }
    CHECK(sound);
    pool.clear();
}

TEST_CASE("heap and buffer pools give nothing back and say so") {
    millpond::object_pool<long> pool(
        {.capacity = 10'000, .memory = {.source = millpond::memory_source::heap}});
    for (int i = 0; i < 10'000; ++i) {
        (void)pool.create(i);
    }
    pool.clear();
    CHECK(pool.shrink() == 0);
    CHECK_SOUND(pool);
}
