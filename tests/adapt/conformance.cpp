// SPDX-License-Identifier: MIT
/// \file
/// What the standard says of every pool resource ([mem.res.class], [mem.res.pool]): the blocks. Tried on
/// the C++ library's resources too, so that the cases themselves are checked.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <random>
#include <string>
#include <vector>

#include "live_blocks.hpp"
#include "resources.hpp"
#include "support/sanitized.hpp"
#include "upstream.hpp"
#include <doctest/doctest.h>

using millpond::test::checking_upstream;
using millpond::test::effort;
using millpond::test::fault_inside;
using millpond::test::honours;
using millpond::test::live_blocks;
using millpond::test::make;
using std::pmr::memory_resource;

namespace {

/// Sizes of all magnitudes, small ones more often than large ones.
std::size_t any_size(std::mt19937& random) {
    const std::size_t limit = std::size_t{1} << (random() % 18);
    return random() % (limit + 1);
}

/// Allocates and frees at random, and now and then looks whether all is well.
template <class Resource>
std::string use_at_random(Resource& resource, unsigned seed, int steps) {
    memory_resource& base = resource;
    live_blocks<memory_resource> blocks(base);
    std::mt19937 random(seed);
    for (int step = 0; step < steps && blocks.fault().empty(); ++step) {
        const bool growing = step / 300 % 2 == 0;
        if (random() % 4 != 0 ? growing : !growing) {
            const std::size_t alignment = std::size_t{1} << (random() % 8);
            const std::size_t bytes = any_size(random);
            if (honours<Resource>(bytes, alignment)) {
                blocks.take(bytes, alignment);
            } else {
                blocks.take(bytes, 1);
            }
        } else if (blocks.size() != 0) {
            blocks.give(random() % blocks.size());
        }
    }
    blocks.check_contents();
    blocks.give_all();
    return blocks.fault();
}

} // namespace

TEST_CASE_TEMPLATE("blocks never overlap and keep what is written to them",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    for (unsigned seed = 1; seed <= effort(4U, 2U, 1U); ++seed) {
        CAPTURE(seed);
        checking_upstream upstream;
        {
            auto resource = make<Resource>({}, &upstream);
            CHECK(use_at_random(resource, seed, effort(3000, 2000, 700)) == "");
            CHECK(fault_inside(resource) == std::string());
        }
        CHECK(upstream.fault() == "");
        CHECK(upstream.bytes() == 0);
        CHECK(upstream.calls() > 10);
    }
}

TEST_CASE_TEMPLATE("a resource with few and small pools keeps its blocks apart",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    for (unsigned seed = 1; seed <= effort(4U, 2U, 1U); ++seed) {
        CAPTURE(seed);
        checking_upstream upstream;
        {
            auto resource = make<Resource>({.max_blocks_per_chunk = seed,
                                            .largest_required_pool_block = std::size_t{100} * seed},
                                           &upstream);
            CHECK(use_at_random(resource, seed, effort(1500, 1000, 300)) == "");
            CHECK(fault_inside(resource) == std::string());
        }
        CHECK(upstream.fault() == "");
        CHECK(upstream.bytes() == 0);
    }
}

TEST_CASE_TEMPLATE("every alignment up to and beyond a page is honoured for every size",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    checking_upstream upstream;
    {
        auto resource = make<Resource>({}, &upstream);
        memory_resource& base = resource;
        live_blocks<memory_resource> blocks(base);
        for (int round = 0; round < 2; ++round) {
            for (std::size_t alignment = 1; alignment <= 32'768; alignment *= 2) {
                for (const std::size_t bytes : {std::size_t{1},
                                                std::size_t{33},
                                                alignment - 1,
                                                alignment,
                                                alignment + 1,
                                                3 * alignment,
                                                3 * alignment + 1}) {
                    if (honours<Resource>(bytes, alignment)) {
                        blocks.take(bytes, alignment);
                    }
                }
            }
            blocks.check_contents();
            CHECK(blocks.fault() == "");
            CHECK(blocks.size() >= 2 * 15);
            blocks.give_all(); // the second round is served with what has come back
        }
        CHECK(fault_inside(resource) == std::string());
    }
    CHECK(upstream.fault() == "");
    CHECK(upstream.bytes() == 0);
}

TEST_CASE_TEMPLATE("no bytes are a block with an address of its own",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    checking_upstream upstream;
    {
        auto resource = make<Resource>({}, &upstream);
        memory_resource& base = resource;
        live_blocks<memory_resource> blocks(base);
        for (std::size_t i = 0; i < 300; ++i) {
            CHECK(blocks.take(0, std::size_t{1} << (i % 14)) != nullptr);
        }
        CHECK(blocks.fault() == "");
        CHECK(blocks.size() == 300);
        blocks.give_all();
        CHECK(fault_inside(resource) == std::string());
    }
    CHECK(upstream.fault() == "");
    CHECK(upstream.bytes() == 0);
}

TEST_CASE_TEMPLATE(
    "a request above the largest block of a pool goes upstream and comes back from there",
    Resource,
    MILLPOND_TEST_RESOURCES) {
    checking_upstream upstream;
    {
        auto resource = make<Resource>({.largest_required_pool_block = 1000}, &upstream);
        const std::size_t largest = resource.options().largest_required_pool_block;
        memory_resource& base = resource;
        live_blocks<memory_resource> blocks(base);
        for (const std::size_t bytes : {largest + 1, 2 * largest, std::size_t{1} << 20}) {
            for (std::size_t alignment = 1; alignment <= 16'384; alignment *= 4) {
                CAPTURE(bytes);
                CAPTURE(alignment);
                auto* const block = blocks.take(bytes, alignment);
                const auto asked = upstream.request_around(block);
                CHECK(asked.bytes >= bytes);
                CHECK(asked.alignment >= alignment);
                const std::size_t out = upstream.bytes();
                blocks.give_back(block);
                CHECK(upstream.bytes() <= out - bytes);
                CHECK(upstream.request_around(block).bytes == 0);
            }
        }
        CHECK(blocks.fault() == "");
        CHECK(fault_inside(resource) == std::string());
    }
    CHECK(upstream.fault() == "");
    CHECK(upstream.bytes() == 0);
}

TEST_CASE_TEMPLATE(
    "a request up to the largest block of a pool is served again without the upstream",
    Resource,
    MILLPOND_TEST_RESOURCES) {
    checking_upstream upstream;
    auto resource = make<Resource>({}, &upstream);
    const std::size_t largest = resource.options().largest_required_pool_block;
    CHECK(largest >= 1000);
    memory_resource& base = resource;
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{64}, std::size_t{1000}, largest}) {
        CAPTURE(bytes);
        void* const first = base.allocate(bytes, 8);
        base.deallocate(first, bytes, 8);
        const std::size_t calls = upstream.calls();
        for (int i = 0; i < 50; ++i) {
            base.deallocate(base.allocate(bytes, 8), bytes, 8);
        }
        CHECK(upstream.calls() == calls);
    }
}

TEST_CASE_TEMPLATE("a request that no memory can hold throws bad_alloc and costs nothing",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    checking_upstream upstream;
    {
        auto resource = make<Resource>({}, &upstream);
        memory_resource& base = resource;
        live_blocks<memory_resource> blocks(base);
        blocks.take(100, 8);
        // From here on the C++ library's own arithmetic with the size overflows.
        constexpr std::size_t most = (std::size_t{1} << 62);
        for (const std::size_t bytes : {most, most / 3, std::size_t{1} << 41}) {
            CHECK_THROWS_AS((void)base.allocate(bytes, 8), std::bad_alloc);
            CHECK_THROWS_AS((void)base.allocate(bytes, 4096), std::bad_alloc);
        }
        blocks.take(100, 8);
        blocks.give_all();
        CHECK(blocks.fault() == "");
        CHECK(fault_inside(resource) == std::string());
    }
    CHECK(upstream.fault() == "");
    CHECK(upstream.bytes() == 0);
}
