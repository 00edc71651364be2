// SPDX-License-Identifier: MIT
/// \file
/// Chunks from an upstream: very many of them, returned in any order, and the gaps that they leave.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <random>
#include <vector>

#include "live_blocks.hpp"
#include "resources.hpp"
#include "sound.hpp"
#include "support/sanitized.hpp"
#include "upstream.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_pool_resource;
using millpond::pool_resource;
using millpond::test::checking_upstream;
using millpond::test::effort;
using millpond::test::live_blocks;
using millpond::test::make;

namespace {

constexpr std::size_t chunks_most = effort<std::size_t>(50'000, 20'000, 500);

/// Gives memory that it never gave before, until there is none left.
class wandering_upstream final : public std::pmr::memory_resource {
public:
    explicit wandering_upstream(std::size_t bytes)
        : memory_(new std::byte[bytes])
        , bytes_(bytes) {}

    [[nodiscard]] std::size_t blocks() const { return blocks_; }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        void* place = memory_.get() + used_;
        std::size_t rest = bytes_ - used_;
        if (std::align(alignment, bytes, place, rest) == nullptr) {
            throw std::bad_alloc();
        }
        used_ = bytes_ - rest + bytes;
        ++blocks_;
        return place;
    }

    void do_deallocate(void* /*block*/, std::size_t /*bytes*/, std::size_t /*alignment*/) override {
        --blocks_;
    }

    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }

    std::unique_ptr<std::byte[]> memory_;
    std::size_t bytes_;
    std::size_t used_ = 0;
    std::size_t blocks_ = 0;
};

std::vector<std::byte*> places_of(const auto& blocks) {
    std::vector<std::byte*> places;
    for (const auto& [place, one] : blocks.all()) {
        places.push_back(place);
    }
    return places;
}

} // namespace

TEST_CASE_TEMPLATE("chunks of a block each go back in any order however many there are",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    checking_upstream upstream;
    auto resource = make<Resource>({.max_blocks_per_chunk = 1}, &upstream);
    live_blocks<Resource> blocks(resource);
    std::mt19937 random(7);
    for (std::size_t i = 0; i < chunks_most; ++i) {
        blocks.take(64, 8);
    }
    CHECK(upstream.blocks() == chunks_most);
    CHECK_SOUND(resource, &upstream, blocks);
    std::vector<std::byte*> places = places_of(blocks);
    std::shuffle(places.begin(), places.end(), random);
    // A third of them goes, then those that were left in the middle, then the rest.
    for (const std::size_t left : {chunks_most / 3 * 2, chunks_most / 100, std::size_t{0}}) {
        const std::size_t before = upstream.bytes();
        while (places.size() > left) {
            blocks.give_back(places.back());
            places.pop_back();
        }
        CHECK(resource.shrink() == before - left * 64);
        CHECK(upstream.bytes() == left * 64);
        REQUIRE_SOUND(resource, &upstream, blocks);
    }
    CHECK(resource.stats().bytes_committed == 0);
}

TEST_CASE_TEMPLATE("the gaps of chunks that went back are filled before the pool takes new indices",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    // Room for no more than 2,000 chunks: an index that were not used again would be missed.
    checking_upstream upstream;
    Resource resource({.max_blocks_per_chunk = 1, .limit_bytes = std::size_t{2000} * 64},
                      &upstream);
    live_blocks<Resource> blocks(resource);
    std::mt19937 random(8);
    for (int round = 0; round < effort(10, 6, 2); ++round) {
        while (blocks.size() < 2000) {
            blocks.take(64, 8);
        }
        CHECK(resource.stats().unpooled_live == 0);
        CHECK_THROWS_AS(blocks.take(64, 8), millpond::pool_exhausted);
        REQUIRE_SOUND(resource, &upstream, blocks);
        std::vector<std::byte*> places = places_of(blocks);
        std::shuffle(places.begin(), places.end(), random);
        places.resize(random() % places.size());
        for (std::byte* const place : places) {
            blocks.give_back(place);
        }
        CHECK(resource.shrink() == places.size() * 64);
        REQUIRE_SOUND(resource, &upstream, blocks);
    }
    CHECK(upstream.peak_bytes() == std::size_t{2000} * 64);
    blocks.give_all();
}

TEST_CASE(
    "a reservation fills the gaps of chunks that went back, and every block of them can be had") {
    checking_upstream upstream;
    pool_resource resource({.max_blocks_per_chunk = 4}, &upstream);
    live_blocks<pool_resource> blocks(resource);
    for (int i = 0; i < 400; ++i) {
        blocks.take(64, 8);
    }
    std::vector<std::byte*> places = places_of(blocks);
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (i / 40 % 2 == 0) {
            blocks.give_back(places[i]);
        }
    }
    CHECK(resource.shrink() > 0);
    resource.reserve(300, 64, 8);
    CHECK(resource.stats_of(64, 8).free >= 300 - blocks.size());
    REQUIRE_SOUND(resource, &upstream, blocks);
    const std::size_t calls = upstream.calls();
    while (blocks.size() < 300) {
        blocks.take(64, 8);
    }
    CHECK(upstream.calls() == calls);
    CHECK_SOUND(resource, &upstream, blocks);
    blocks.give_all();
}

TEST_CASE_TEMPLATE("a chunk with a live block stays where it is and all others go",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    checking_upstream upstream;
    auto resource = make<Resource>({.max_blocks_per_chunk = 16}, &upstream);
    live_blocks<Resource> blocks(resource);
    for (int i = 0; i < 1600; ++i) {
        blocks.take(40, 8);
    }
    CHECK(upstream.blocks() == 100);
    std::vector<std::byte*> places = places_of(blocks);
    for (std::size_t i = 0; i < places.size(); ++i) {
        if (i % 160 != 5) { // one block in ten chunks
            blocks.give_back(places[i]);
        }
    }
    CHECK(resource.shrink() == std::size_t{90} * 16 * 40);
    CHECK(upstream.blocks() == 10);
    CHECK(resource.shrink() == 0);
    blocks.check_contents();
    CHECK_SOUND(resource, &upstream, blocks);
    for (int i = 0; i < 150; ++i) {
        blocks.take(40, 8);
    }
    CHECK(upstream.blocks() == 10);
    blocks.give_all();
    CHECK(resource.shrink() == std::size_t{10} * 16 * 40);
    CHECK(upstream.blocks() == 0);
}

TEST_CASE_TEMPLATE("a pool goes on in chunks however often they go and come back from elsewhere",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    wandering_upstream upstream(std::size_t{64} << 20);
    Resource resource({.max_blocks_per_chunk = 4, .limit_bytes = 10'000}, &upstream);
    bool from_pools = true;
    for (int round = 0; round < effort(5'000, 3'000, 1'000); ++round) {
        void* const block = resource.allocate(64, 8);
        from_pools = from_pools && resource.stats().unpooled_live == 0;
        resource.deallocate(block, 64, 8);
        (void)resource.shrink();
    }
    CHECK(from_pools);
    CHECK(resource.verify());
    CHECK(resource.stats().bytes_committed == 0);
}
