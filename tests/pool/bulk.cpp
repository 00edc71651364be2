// SPDX-License-Identifier: MIT
/// \file
/// Many blocks in one call: the bulk functions of block_pool and static_block_pool.

#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/static_pool.hpp"

#include <algorithm>
#include <array>
#include <random>
#include <set>
#include <vector>

#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::block_pool;

TEST_CASE("a bulk of every size from every fill level hands out distinct blocks") {
    for (const std::size_t taken_before : {0U, 1U, 63U, 64U, 65U, 200U}) {
        for (const std::size_t wanted : {0U, 1U, 2U, 63U, 64U, 65U, 130U, 300U}) {
            block_pool pool({.block_bytes = 16, .capacity = 500});
            std::set<void*> seen;
            for (std::size_t i = 0; i < taken_before; ++i) {
                seen.insert(pool.allocate());
            }
            std::vector<void*> out(wanted);
            REQUIRE(pool.try_allocate_bulk(out) == wanted);
            seen.insert(out.begin(), out.end());
            REQUIRE(seen.size() == taken_before + wanted);
            REQUIRE(pool.size() == taken_before + wanted);
            REQUIRE(pool.high_water() == taken_before + wanted);
            REQUIRE_SOUND(pool);
            pool.deallocate_bulk(out);
            REQUIRE(pool.size() == taken_before);
            REQUIRE_SOUND(pool);
            pool.clear();
        }
    }
}

TEST_CASE("a bulk beyond what is left fills the start of the span and counts one failure") {
    block_pool pool({.block_bytes = 16, .capacity = 100});
    std::array<void*, 130> out{};
    CHECK(pool.try_allocate_bulk(out) == 100);
    CHECK(out[99] != nullptr);
    CHECK(out[100] == nullptr);
    CHECK(pool.stats().failures == 1);
    CHECK_SOUND(pool);
    pool.deallocate_bulk(std::span(out).first(100));
    CHECK(pool.size() == 0);
}

TEST_CASE("a bulk that cannot be had whole throws and changes nothing but the failures") {
    block_pool pool({.name = "few", .block_bytes = 16, .capacity = 100});
    std::vector<void*> held(40);
    pool.allocate_bulk(held);
    std::array<void*, 61> out{};
    CHECK_THROWS_WITH_AS(pool.allocate_bulk(out),
                         "millpond: pool 'few' is exhausted: capacity 100, peak 40",
                         millpond::pool_exhausted);
    CHECK(pool.size() == 40);
    CHECK(pool.high_water() == 40);
    CHECK(pool.stats().failures == 1);
    CHECK(std::count(out.begin(), out.end(), nullptr) == 61);
    CHECK_SOUND(pool);
    pool.allocate_bulk(std::span(out).first(60));
    CHECK(pool.available() == 0);
    pool.clear();
}

TEST_CASE("a bulk free takes blocks in any order and ignores null pointers") {
    block_pool pool({.block_bytes = 16, .capacity = 1000});
    std::vector<void*> blocks(700);
    pool.allocate_bulk(blocks);
    std::shuffle(blocks.begin(), blocks.end(), std::mt19937(4));
    for (std::size_t i = 0; i < blocks.size(); i += 10) {
        pool.deallocate(blocks[i]);
        blocks[i] = nullptr;
    }
    pool.deallocate_bulk(blocks);
    CHECK(pool.size() == 0);
    CHECK_SOUND(pool);
    pool.deallocate_bulk({});
    CHECK_SOUND(pool);
}

TEST_CASE("single and bulk calls mixed at random hand out no block twice") {
    block_pool pool({.block_bytes = 16, .capacity = 777});
    std::set<void*> live;
    std::mt19937 random(6);
    std::vector<void*> batch;
    bool sound = true;
    for (int step = 0; step < 3000; ++step) {
        batch.assign(random() % 150, nullptr);
        switch (random() % 4) {
        case 0:
            batch.resize(pool.try_allocate_bulk(batch));
            for (void* const block : batch) {
                sound = live.insert(block).second && sound;
            }
            break;
        case 1:
            batch.clear();
            std::sample(
                live.begin(), live.end(), std::back_inserter(batch), random() % 150, random);
            pool.deallocate_bulk(batch);
            for (void* const block : batch) {
                live.erase(block);
            }
            break;
        case 2:
            if (void* const block = pool.try_allocate()) {
                sound = live.insert(block).second && sound;
            }
            break;
        default:
            if (!live.empty()) {
                pool.deallocate(*live.begin());
                live.erase(live.begin());
            }
        }
        sound = sound && live.size() == pool.size() && millpond::test::fault_of(pool).empty();
    }
    CHECK(sound);
    pool.clear();
}

TEST_CASE("a static pool serves bulks like any other") {
    static constinit millpond::static_block_pool<24, 100> pool;
    std::array<void*, 130> out{};
    CHECK(pool.try_allocate_bulk(std::span(out).first(70)) == 70);
    CHECK(pool.try_allocate_bulk(std::span(out).subspan(70)) == 30);
    CHECK(std::set<void*>(out.begin(), out.begin() + 100).size() == 100);
    CHECK_SOUND(pool);
    pool.deallocate_bulk(std::span(out).first(100));
    CHECK(pool.size() == 0);
    CHECK_SOUND(pool);
}
