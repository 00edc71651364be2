// SPDX-License-Identifier: MIT
/// \file
/// The limit of a resource: never exceeded, and what it refuses is there again when others have made room.

#include <cstddef>
#include <string>
#include <vector>

#include "live_blocks.hpp"
#include "resources.hpp"
#include "sound.hpp"
#include "upstream.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_pool_resource;
using millpond::pool_exhausted;
using millpond::pool_resource;
using millpond::test::checking_upstream;
using millpond::test::live_blocks;

namespace {

/// Takes blocks until the limit is met; how many there were.
template <class Blocks>
std::size_t fill(Blocks& blocks, std::size_t bytes) {
    for (std::size_t had = 0;; ++had) {
        try {
            blocks.take(bytes, 8);
        } catch (const pool_exhausted&) {
            return had;
        }
    }
}

/// Fills a resource again and again with blocks of other sizes; checks the limit after every step.
template <class Resource>
void fill_to_the_limit(checking_upstream* upstream, std::size_t limit) {
    Resource resource({.name = "limited", .max_blocks_per_chunk = 1, .limit_bytes = limit},
                      upstream);
    live_blocks<Resource> blocks(resource);
    for (const std::size_t bytes : {64U, 1000U, 24U, 50'000U, 70'000U}) {
        CAPTURE(bytes);
        const std::size_t had = fill(blocks, bytes);
        const auto now = resource.stats();
        CHECK(now.limit_bytes == limit);
        CHECK(now.limited_bytes <= limit);
        CHECK(limit - now.limited_bytes < bytes);
        // Nearly all of it is the caller's: what is missing is less than two bytes for each block, and a block.
        const std::size_t each = bytes > 65'536 ? bytes : resource.block_bytes(bytes, 8) + 2;
        CHECK(had >= limit / each);
        REQUIRE_SOUND(resource, upstream, blocks);
        CHECK_THROWS_AS((void)resource.allocate(bytes, 8), pool_exhausted);
        blocks.give(had / 2);
        blocks.take(bytes, 8);
        CHECK_THROWS_AS((void)resource.allocate(bytes, 8), pool_exhausted);
        blocks.give_all();
        (void)resource.shrink(); // for the next class, as what the last one has is its own
        CHECK(resource.stats().limited_bytes == 0);
        REQUIRE_SOUND(resource, upstream, blocks);
    }
}

} // namespace

TEST_CASE_TEMPLATE("a limit over an upstream is used up and never exceeded",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    for (const std::size_t limit : {100'000U, 250'003U}) {
        CAPTURE(limit);
        checking_upstream upstream;
        fill_to_the_limit<Resource>(&upstream, limit);
        CHECK(upstream.bytes() == 0);
        // Records of unpooled blocks come on top: there are as many as 70,000 goes into the limit.
        CHECK(upstream.peak_bytes() <= limit + 128 * (limit / 70'000 + 1));
    }
}

TEST_CASE_TEMPLATE("a limit on pages of its own is used up and never exceeded",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    for (const std::size_t limit : {100'000U, 250'003U}) {
        CAPTURE(limit);
        fill_to_the_limit<Resource>(nullptr, limit);
    }
}

TEST_CASE_TEMPLATE("what the upstream has out never exceeds a limit while all blocks are of pools",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    checking_upstream upstream;
    Resource resource({.max_blocks_per_chunk = 1, .limit_bytes = 50'000}, &upstream);
    live_blocks<Resource> blocks(resource);
    CHECK(fill(blocks, 128) == 50'000 / 128);
    CHECK(fill(blocks, 48) == 50'000 % 128 / 48);
    CHECK(fill(blocks, 8) == 50'000 % 128 % 48 / 8);
    CHECK(resource.stats().unpooled_live == 0);
    CHECK(upstream.peak_bytes() == 50'000);
    blocks.give_all();
}

TEST_CASE_TEMPLATE("a limit smaller than the usual chunk is served in chunks all the same",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    checking_upstream upstream;
    Resource resource({.limit_bytes = 7'000}, &upstream);
    live_blocks<Resource> blocks(resource);
    CHECK(fill(blocks, 5'000) == 1);
    CHECK(resource.stats().unpooled_live == 0);
    CHECK_SOUND(resource, &upstream, blocks);
    blocks.give_all();
    (void)resource.shrink();
    resource.reserve(100, 8, 8);
    CHECK(resource.stats_of(8, 8).free >= 100);
    CHECK_SOUND(resource, &upstream, blocks);
}

TEST_CASE_TEMPLATE("a refusal names the resource, its limit and what did not fit, in bytes",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    checking_upstream upstream;
    for (checking_upstream* const from : {static_cast<checking_upstream*>(nullptr), &upstream}) {
        Resource resource({.name = "the one", .limit_bytes = 10'000}, from);
        live_blocks<Resource> blocks(resource);
        blocks.take(2000, 8);
        for (const std::size_t bytes :
             {std::size_t{60'000}, std::size_t{1} << 20, std::size_t{1} << 40}) {
            try {
                (void)resource.allocate(bytes, 8);
                CHECK(false);
            } catch (const pool_exhausted& error) {
                CHECK(error.what() ==
                      "millpond: pool 'the one' is exhausted: " + std::to_string(bytes) +
                          " bytes do not fit, capacity 10000 bytes");
                CHECK(error.capacity() == 10'000);
                CHECK(error.high_water() == pool_exhausted::not_counted);
            }
        }
        CHECK_SOUND(resource, from, blocks);
        blocks.give_all();
    }
}

TEST_CASE_TEMPLATE("what one class does not need any more is another's after a shrink",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    checking_upstream upstream;
    for (checking_upstream* const from : {static_cast<checking_upstream*>(nullptr), &upstream}) {
        Resource resource({.limit_bytes = 200'000}, from);
        live_blocks<Resource> blocks(resource);
        (void)fill(blocks, 64);
        std::vector<std::byte*> places;
        for (const auto& [place, one] : blocks.all()) {
            places.push_back(place);
        }
        // The upper half goes: on pages it is the end of the region, over an upstream whole chunks.
        for (std::size_t i = places.size() / 2; i < places.size(); ++i) {
            blocks.give_back(places[i]);
        }
        CHECK_THROWS_AS(blocks.take(30'000, 8), pool_exhausted);
        (void)resource.shrink();
        blocks.take(30'000, 8);
        CHECK_SOUND(resource, from, blocks);
        blocks.give_all();
    }
}

TEST_CASE_TEMPLATE("a release makes the whole limit available again",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource resource({.limit_bytes = 100'000});
    live_blocks<Resource> blocks(resource);
    const std::size_t had = fill(blocks, 200);
    resource.release();
    blocks.forget();
    CHECK(fill(blocks, 200) == had);
    CHECK_SOUND(resource, nullptr, blocks);
    blocks.give_all();
}

TEST_CASE("blocks that large classes keep make room at the limit for what no class serves") {
    pool_resource resource({.limit_bytes = 200'000});
    resource.deallocate(resource.allocate(60'000), 60'000);
    resource.deallocate(resource.allocate(30'000), 30'000);
    CHECK(resource.stats().limited_bytes > 30'000);
    void* const alone = resource.allocate(190'000);
    CHECK(resource.try_allocate(60'000) == nullptr);
    resource.deallocate(alone, 190'000);
    CHECK(resource.stats().limited_bytes == 0);
    CHECK(resource.verify());
}
