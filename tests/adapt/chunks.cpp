// SPDX-License-Identifier: MIT
/// \file
/// Chunks from an upstream: very many of them, returned in any order, and the gaps that they leave.

#include <algorithm>
#include <bit>
#include <cstddef>
#include <memory>
#include <memory_resource>
#include <new>
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

TEST_CASE_TEMPLATE("chunks double until they have as many blocks as options() says",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    for (const std::size_t most : {16U, 64U, 1024U, 4096U, 0U}) {
        CAPTURE(most);
        checking_upstream upstream;
        Resource resource({.max_blocks_per_chunk = most}, &upstream);
        const std::size_t limit = resource.options().max_blocks_per_chunk;
        CHECK(limit == (most == 0 ? 16'384 : most));
        const std::size_t blocks = 4 * limit;
        for (std::size_t i = 0; i < blocks; ++i) {
            (void)resource.allocate(64, 8);
        }
        CHECK(upstream.largest_request() == limit * 64);
        // Two times as many after every other call, then the largest: 2 + log2(most) and three more.
        CHECK(upstream.calls() <= 2 + std::bit_width(limit) + 3);
        CHECK(upstream.bytes() <= 2 * blocks * 64);
        REQUIRE_SOUND(resource, &upstream);
        resource.release();
        CHECK(upstream.bytes() == 0);
    }
}

TEST_CASE_TEMPLATE(
    "no chunk of any class has more blocks than options() says or more than a mebibyte",
    Resource,
    pool_resource,
    concurrent_pool_resource) {
    for (const std::size_t bytes : {8U, 72U, 1000U, 5000U, 65'536U}) {
        CAPTURE(bytes);
        checking_upstream upstream;
        Resource resource(&upstream);
        const std::size_t block = resource.block_bytes(bytes, 8);
        for (std::size_t had = 0; had < (std::size_t{3} << 20); had += block) {
            (void)resource.allocate(bytes, 8);
        }
        CHECK(upstream.largest_request() <= std::size_t{1} << 20);
        CHECK(upstream.largest_request() / block <= resource.options().max_blocks_per_chunk);
        REQUIRE_SOUND(resource, &upstream);
    }
}

TEST_CASE_TEMPLATE("a chunk that is refused is asked for by halves until nothing is left",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    checking_upstream upstream;
    Resource resource({.max_blocks_per_chunk = 1024}, &upstream);
    live_blocks<Resource> blocks(resource);
    constexpr std::size_t limit = 150'000;
    upstream.set_limit(limit);
    CHECK_THROWS_AS(
        [&] {
            while (true) {
                blocks.take(64, 8);
            }
        }(),
        std::bad_alloc);
    CHECK(upstream.bytes() > limit - 64);
    REQUIRE_SOUND(resource, &upstream, blocks);
    blocks.give_all();
    CHECK(resource.shrink() > limit - 8192);
    CHECK(resource.stats().bytes_committed == 0);
}

TEST_CASE_TEMPLATE("large chunks go back whole, and others take their place whatever their size",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    checking_upstream upstream;
    Resource resource(&upstream);
    live_blocks<Resource> blocks(resource);
    constexpr std::size_t most = effort<std::size_t>(40'000, 40'000, 6'000);
    std::mt19937 random(9);
    std::size_t returned_in_all = 0;
    for (int round = 0; round < 4; ++round) {
        CAPTURE(round);
        while (blocks.size() < most - random() % 500) {
            blocks.take(64, 8);
        }
        REQUIRE_SOUND(resource, &upstream, blocks);
        // Few are left, anywhere.
        std::vector<std::byte*> places = places_of(blocks);
        std::shuffle(places.begin(), places.end(), random);
        for (std::size_t i = round % 2 == 0 ? 1 : 5; i < places.size(); ++i) {
            blocks.give_back(places[i]);
        }
        const std::size_t before = upstream.bytes();
        const std::size_t returned = resource.shrink(); // none where each chunk has a live block
        returned_in_all += returned;
        CHECK(upstream.bytes() == before - returned);
        CHECK(upstream.blocks() <= blocks.size());
        REQUIRE_SOUND(resource, &upstream, blocks);
        // Less than the largest chunk is to be had.
        upstream.set_limit(round == 1 ? upstream.bytes() + most * 64 : ~std::size_t{0});
        for (std::size_t i = 0; i < most / 3; ++i) {
            blocks.take(64, 8);
        }
        upstream.set_limit(~std::size_t{0});
        blocks.check_contents();
        REQUIRE_SOUND(resource, &upstream, blocks);
    }
    CHECK(returned_in_all > most * 64);
    blocks.give_all();
    (void)resource.shrink();
    CHECK(upstream.bytes() == 0);
    CHECK_SOUND(resource, &upstream, blocks);
}

TEST_CASE_TEMPLATE("what is not open of a chunk goes back with it",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    checking_upstream upstream;
    Resource resource(&upstream);
    live_blocks<Resource> blocks(resource);
    // After every number of blocks, of which the last chunk may have but a few.
    for (std::size_t last = 1; last < 3000; last += 1 + last / 5) {
        CAPTURE(last);
        while (blocks.size() < last) {
            blocks.take(64, 8);
        }
        std::vector<std::byte*> places = places_of(blocks);
        const std::size_t kept = last % 3 == 0 ? 1 : 0;
        while (places.size() > kept) {
            blocks.give_back(places.back());
            places.pop_back();
        }
        (void)resource.shrink();
        CHECK(upstream.blocks() == kept);
        REQUIRE_SOUND(resource, &upstream, blocks);
    }
    blocks.give_all();
}
