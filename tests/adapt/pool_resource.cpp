// SPDX-License-Identifier: MIT
/// \file
/// What the library's resources do beyond the standard: classes by hand, reservations, statistics, and
/// blocks through the class itself. For both, with and without an upstream.

#include "millpond/millpond.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <new>
#include <string>
#include <type_traits>
#include <vector>

#include "live_blocks.hpp"
#include "sound.hpp"
#include "upstream.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_pool_resource;
using millpond::pool_resource;
using millpond::test::checking_upstream;
using millpond::test::live_blocks;

namespace {

constexpr std::array<std::size_t, 6> sizes_by_hand{40, 96, 96, 1000, 1032, 20'000};

/// Calls `body` with nullptr, for a resource on pages of its own, and with an upstream.
template <class Body>
void with_and_without_upstream(Body body) {
    body(nullptr);
    checking_upstream upstream;
    body(&upstream);
    CHECK(upstream.bytes() == 0);
    CHECK(upstream.fault() == "");
}

} // namespace

TEST_CASE_TEMPLATE("block_bytes says how large the block is that serves a request, 0 for none",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    const Resource usual;
    CHECK(usual.block_bytes(0) == 16); // of the default alignment
    CHECK(usual.block_bytes(0, 1) == 8);
    CHECK(usual.block_bytes(1, 64) == 64);
    CHECK(usual.block_bytes(1000) == 1024);
    CHECK(usual.block_bytes(1000, 8) == 1024);
    CHECK(usual.block_bytes(65'536) == 65'536);
    CHECK(usual.block_bytes(65'537) == 0);
    CHECK(usual.block_bytes(8, 4096) == 4096);
    CHECK(usual.block_bytes(8, 8192) == 0);
    const Resource small({.largest_required_pool_block = 1000});
    CHECK(small.block_bytes(1024) == 1024);
    CHECK(small.block_bytes(1025) == 0);
    CHECK(small.options().largest_required_pool_block == 1024);
}

TEST_CASE_TEMPLATE("classes by hand serve their sizes and what lies between from the next one",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    with_and_without_upstream([](checking_upstream* upstream) {
        Resource resource({.name = "by hand", .block_sizes = sizes_by_hand}, upstream);
        CHECK(resource.block_bytes(40, 8) == 40);
        CHECK(resource.block_bytes(41, 8) == 96);
        CHECK(resource.block_bytes(97, 8) == 1000);
        CHECK(resource.block_bytes(1001, 8) == 1032);
        CHECK(resource.block_bytes(20'000, 32) == 20'000);
        CHECK(resource.block_bytes(20'001, 8) == 0);
        CHECK(resource.options().largest_required_pool_block == 20'000);
        live_blocks<Resource> blocks(resource);
        for (int i = 0; i < 100; ++i) {
            for (const std::size_t bytes :
                 {1U, 40U, 41U, 96U, 1000U, 1001U, 1032U, 5000U, 30'000U}) {
                blocks.take(bytes, 8);
            }
        }
        CHECK(resource.stats().pools == 5);
        CHECK(resource.stats_of(1000, 8).block_bytes == 1000);
        CHECK(resource.stats_of(1000, 8).live == 100);
        CHECK(resource.stats_of(1, 8).live == 200); // of 1 and of 40 bytes
        CHECK(resource.stats().unpooled_live == 100);
        CHECK_SOUND(resource, upstream, blocks);
        blocks.give_all();
        CHECK_SOUND(resource, upstream, blocks);
    });
}

TEST_CASE_TEMPLATE("the sizes by hand need not outlive the construction",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    auto* const sizes = new std::vector<std::size_t>{24, 500};
    Resource resource({.block_sizes = *sizes});
    sizes->assign({7, 7});
    delete sizes;
    CHECK(resource.block_bytes(25, 8) == 504);
    resource.deallocate(resource.allocate(25, 8), 25, 8);
    resource.release();
    resource.deallocate(resource.allocate(25, 8), 25, 8);
    CHECK(resource.block_bytes(25, 8) == 504);
    CHECK_SOUND(resource, nullptr);
}

TEST_CASE_TEMPLATE("statistics count blocks as large as their class, and unpooled ones as they are",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    with_and_without_upstream([](checking_upstream* upstream) {
        Resource resource({.name = "counted"}, upstream);
        live_blocks<Resource> blocks(resource);
        CHECK(resource.name() == std::string("counted"));
        CHECK(resource.stats().pools == 0);
        CHECK(resource.stats().bytes_committed == 0);
        CHECK(resource.stats_of(60, 8).block_bytes == 0);
        blocks.take(60, 8);
        blocks.take(64, 8);
        auto* const large = blocks.take(100'001, 8);
        CHECK(resource.stats().pools == 1);
        CHECK(resource.stats().blocks_live == 2);
        CHECK(resource.stats().unpooled_live == 1);
        CHECK(resource.stats().unpooled_bytes == 100'001);
        CHECK(resource.stats().bytes_live == 2 * 64 + 100'001);
        CHECK(resource.stats().limit_bytes == 0);
        CHECK_SOUND(resource, upstream, blocks);
        blocks.give_back(large);
        CHECK(resource.stats().unpooled_live == 0);
        CHECK(resource.stats().unpooled_bytes == 0);
        blocks.give_all();
        CHECK(resource.stats().blocks_live == 0);
        CHECK(resource.stats().bytes_live == 0);
        CHECK_SOUND(resource, upstream, blocks);
        blocks.take(60, 8);
        blocks.take(70'000, 8);
        resource.release();
        blocks.forget();
        CHECK(resource.stats().pools == 0);
        CHECK(resource.stats().unpooled_live == 0);
        CHECK(resource.stats().bytes_committed == 0);
        CHECK(resource.stats().limited_bytes == 0);
        CHECK_SOUND(resource, upstream, blocks);
    });
}

TEST_CASE("reserved blocks are there without another chunk or another page") {
    with_and_without_upstream([](checking_upstream* upstream) {
        pool_resource resource({.name = "reserved"}, upstream);
        live_blocks<pool_resource> blocks(resource);
        const std::array<std::size_t, 3> sizes{24, 1000, 60'000};
        for (const std::size_t bytes : sizes) {
            resource.reserve(333, bytes, 8);
            CHECK(resource.stats_of(bytes, 8).capacity >= 333);
            CHECK(resource.stats_of(bytes, 8).live == 0);
        }
        CHECK_SOUND(resource, upstream, blocks);
        const std::size_t committed = resource.stats().bytes_committed;
        const std::size_t calls = upstream != nullptr ? upstream->calls() : 0;
        for (int i = 0; i < 333; ++i) {
            for (const std::size_t bytes : sizes) {
                blocks.take(bytes, 8);
            }
        }
        CHECK(resource.stats().bytes_committed == committed);
        CHECK((upstream == nullptr || upstream->calls() == calls));
        resource.reserve(333, 24, 8); // they are live: nothing to do
        resource.reserve(10, 24, 8);
        CHECK(resource.stats().bytes_committed == committed);
        CHECK_SOUND(resource, upstream, blocks);
        blocks.give_all();
    });
}

TEST_CASE("a reservation of what no class serves does nothing") {
    with_and_without_upstream([](checking_upstream* upstream) {
        pool_resource resource({}, upstream);
        resource.reserve(1000, 100'000);
        resource.reserve(1000, 8, 8192);
        CHECK(resource.stats().pools == 0);
        CHECK(resource.stats().bytes_committed == 0);
    });
}

TEST_CASE("a refusal by a resource without a limit names no limit") {
    pool_resource resource({.name = "free"});
    CHECK_THROWS_WITH_AS(
        resource.reserve(~std::size_t{0} / 8, 8, 8),
        "millpond: pool 'free' is exhausted: 18446744073709551608 bytes do not fit",
        millpond::pool_exhausted);
    CHECK_THROWS_WITH_AS(resource.reserve(~std::size_t{0}, 8, 8),
                         "millpond: pool 'free' is exhausted: more bytes than there are addresses",
                         millpond::pool_exhausted);
    CHECK(resource.verify());
}

TEST_CASE("a reservation beyond the limit throws, names the resource, and leaves it usable") {
    with_and_without_upstream([](checking_upstream* upstream) {
        pool_resource resource({.name = "limited", .limit_bytes = 100'000}, upstream);
        live_blocks<pool_resource> blocks(resource);
        blocks.take(1000, 8);
        CHECK_THROWS_WITH_AS(resource.reserve(101, 1000, 8),
                             "millpond: pool 'limited' is exhausted: 101000 bytes do not fit, "
                             "capacity 100000 bytes",
                             millpond::pool_exhausted);
        CHECK_THROWS_AS(resource.reserve(~std::size_t{0}, 1000, 8), millpond::pool_exhausted);
        CHECK_SOUND(resource, upstream, blocks);
        (void)resource.shrink();
        resource.reserve(50, 1000, 8);
        CHECK(resource.stats_of(1000, 8).capacity >= 50);
        CHECK_SOUND(resource, upstream, blocks);
        blocks.give_all();
    });
}

TEST_CASE_TEMPLATE(
    "reserving makes the pool of a class, takes no block, and asks no more for it later",
    Resource,
    pool_resource,
    concurrent_pool_resource) {
    with_and_without_upstream([](checking_upstream* upstream) {
        Resource resource({}, upstream);
        resource.reserve(0, 100, 8);
        resource.reserve(0, 104, 8); // the same class
        resource.reserve(0, 100'000);
        CHECK(resource.stats().pools == 1);
        CHECK(resource.stats().blocks_live == 0);
        CHECK(resource.stats_of(100, 8).block_bytes == 104);
        resource.reserve(1'000, 100, 8);
        CHECK(resource.try_reserve(1'000, 100, 8));
        const std::size_t committed = resource.stats().bytes_committed;
        CHECK(committed >= 1'000 * 104);
        live_blocks<Resource> blocks(resource);
        for (int i = 0; i < 1'000; ++i) {
            blocks.take(100, 8);
        }
        CHECK(resource.stats().bytes_committed == committed);
        CHECK_SOUND(resource, upstream, blocks);
        blocks.give_all();
    });
}

TEST_CASE_TEMPLATE(
    "a resource that cannot reserve so much says so without throwing, and has taken nothing",
    Resource,
    pool_resource,
    concurrent_pool_resource) {
    with_and_without_upstream([](checking_upstream* upstream) {
        Resource resource({.limit_bytes = 1'000'000}, upstream);
        static_assert(noexcept(resource.try_reserve(1, 1, 1)));
        CHECK(resource.try_reserve(100, 1'000, 8));
        CHECK_FALSE(resource.try_reserve(1'000, 1'000, 8));
        CHECK_THROWS_AS(resource.reserve(1'000, 1'000, 8), millpond::pool_exhausted);
        CHECK(resource.stats().blocks_live == 0);
        CHECK(resource.try_reserve(50, 1'000, 8));
        CHECK(resource.try_reserve(1'000, 100'000)); // goes upstream
        CHECK_SOUND(resource, upstream);
    });
}

TEST_CASE_TEMPLATE("a resource that comes back empty-handed says so without throwing",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    with_and_without_upstream([](checking_upstream* upstream) {
        Resource resource({.limit_bytes = 300'000}, upstream);
        static_assert(noexcept(resource.try_allocate(1)));
        std::vector<void*> small;
        while (void* const block = resource.try_allocate(1'000, 8)) {
            small.push_back(block);
        }
        CHECK(small.size() >= 100);
        CHECK_THROWS_AS((void)resource.allocate(1'000, 8), millpond::pool_exhausted);
        CHECK(resource.try_allocate(400'000) == nullptr); // more than the limit, from upstream
        for (void* const block : small) {
            resource.deallocate(block, 1'000, 8);
        }
        resource.shrink();
        void* const large = resource.try_allocate(100'000);
        CHECK(large != nullptr);
        resource.deallocate(large, 100'000);
        CHECK_SOUND(resource, upstream);
    });
    checking_upstream upstream;
    Resource resource(&upstream);
    upstream.refuse_after(0, 1'000);
    CHECK(resource.try_allocate(100) == nullptr);
    CHECK(resource.try_allocate(1'000'000) == nullptr);
    upstream.refuse_after(1'000);
    CHECK_SOUND(resource, &upstream);
}

TEST_CASE_TEMPLATE("blocks through the class and through the standard's interface are the same",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    with_and_without_upstream([](checking_upstream* upstream) {
        Resource resource({}, upstream);
        std::pmr::memory_resource& base = resource;
        for (const std::size_t bytes : {std::size_t{50}, std::size_t{100'000}}) {
            void* const first = base.allocate(bytes);
            void* const second = resource.allocate(bytes);
            CHECK(first != second);
            resource.deallocate(first, bytes);
            base.deallocate(second, bytes);
            resource.deallocate(nullptr, bytes); // ignored
            CHECK(resource.stats().bytes_live == 0);
        }
        CHECK_SOUND(resource, upstream);
    });
}

TEST_CASE_TEMPLATE("a size that no object can have is refused before anybody is asked",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    constexpr std::size_t most = PTRDIFF_MAX;
    checking_upstream upstream;
    Resource resource(&upstream);
    live_blocks<Resource> blocks(resource);
    blocks.take(100'000, 8);
    upstream.refuse_after(0, 1'000'000);
    for (std::size_t alignment = 1; alignment != 0; alignment *= 2) {
        CAPTURE(alignment);
        // Rounded up to the alignment, the first of them is one too large, and the last one wraps.
        const std::size_t fits = alignment > most ? 0 : most - (alignment - 1);
        for (const std::size_t bytes : {fits + 1, most + 1, ~std::size_t{0} - 7, ~std::size_t{0}}) {
            CHECK_THROWS_AS((void)resource.allocate(bytes, alignment), std::bad_alloc);
        }
    }
    CHECK(upstream.last_refused() == -1);
    CHECK_THROWS_AS((void)resource.allocate(most - 15, 16), millpond::test::refusal);
    upstream.relent();
    CHECK_SOUND(resource, &upstream, blocks);
    blocks.give_all();
    Resource on_pages;
    CHECK_THROWS_AS((void)on_pages.allocate(~std::size_t{0} - 7), std::bad_alloc);
    CHECK(on_pages.stats().unpooled_live == 0);
}

TEST_CASE_TEMPLATE("the standard's options make a resource of the library as well",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    checking_upstream upstream;
    const std::pmr::pool_options wanted{32, 1000};
    const Resource resource(wanted, &upstream);
    CHECK(resource.options().max_blocks_per_chunk == 32);
    CHECK(resource.options().largest_required_pool_block == 1024);
    CHECK(resource.upstream_resource() == &upstream);
    const Resource alone(wanted);
    CHECK(alone.options().largest_required_pool_block == 1024);
    CHECK(alone.upstream_resource() == std::pmr::get_default_resource());
}

TEST_CASE_TEMPLATE("a large block costs its upstream one call and no byte beside its own",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    checking_upstream upstream;
    Resource resource(&upstream);
    live_blocks<Resource> blocks(resource);
    for (std::size_t i = 1; i <= 40; ++i) {
        blocks.take(100'000 + i, 16);
        CHECK(upstream.calls() == i);
        CHECK(upstream.bytes() == blocks.bytes());
    }
    CHECK_SOUND(resource, &upstream, blocks);
    blocks.give_all();
    CHECK(upstream.blocks() == 0);
}
