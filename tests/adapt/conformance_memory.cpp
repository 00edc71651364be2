// SPDX-License-Identifier: MIT
/// \file
/// What the standard says of every pool resource ([mem.res.pool.mem], [mem.res.pool.ctor]): where memory
/// comes from, and that all of it goes back.

#include <algorithm>
#include <array>
#include <cstddef>
#include <memory_resource>
#include <string>

#include "live_blocks.hpp"
#include "resources.hpp"
#include "shapes.hpp"
#include "upstream.hpp"
#include <doctest/doctest.h>

using millpond::test::checking_upstream;
using millpond::test::fault_inside;
using millpond::test::live_blocks;
using millpond::test::make;
using millpond::test::take_some_of_each;
using std::pmr::memory_resource;

namespace {

/// Makes the default resource another one while it lives.
class default_resource {
public:
    explicit default_resource(memory_resource& now)
        : before_(std::pmr::set_default_resource(&now)) {}

    default_resource(const default_resource&) = delete;
    default_resource& operator=(const default_resource&) = delete;

    ~default_resource() { std::pmr::set_default_resource(before_); }

private:
    memory_resource* before_;
};

} // namespace

TEST_CASE_TEMPLATE("release returns everything upstream whatever is live, and the resource goes on",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    checking_upstream upstream;
    {
        auto resource = make<Resource>({}, &upstream);
        memory_resource& base = resource;
        live_blocks<memory_resource> blocks(base);
        resource.release(); // nothing to return yet
        for (int round = 0; round < 4; ++round) {
            take_some_of_each(blocks, 5);
            CHECK(upstream.bytes() >= blocks.bytes());
            blocks.give(2);
            resource.release();
            blocks.forget();
            CHECK(upstream.bytes() == 0);
            CHECK(upstream.blocks() == 0);
            resource.release();
        }
        take_some_of_each(blocks, 2);
        blocks.give_all();
        CHECK(blocks.fault() == "");
        CHECK(fault_inside(resource) == std::string());
    }
    CHECK(upstream.fault() == "");
    CHECK(upstream.bytes() == 0);
}

TEST_CASE_TEMPLATE("destruction returns everything upstream whatever is live",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    checking_upstream upstream;
    {
        auto resource = make<Resource>({}, &upstream);
        memory_resource& base = resource;
        live_blocks<memory_resource> blocks(base);
        take_some_of_each(blocks, 5);
        blocks.give(7);
        CHECK(upstream.bytes() >= blocks.bytes());
    }
    CHECK(upstream.bytes() == 0);
    CHECK(upstream.blocks() == 0);
    CHECK(upstream.fault() == "");
}

TEST_CASE_TEMPLATE("upstream_resource is the one that was given",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    checking_upstream upstream;
    CHECK(Resource(&upstream).upstream_resource() == &upstream);
    CHECK(make<Resource>({}, &upstream).upstream_resource() == &upstream);
}

TEST_CASE_TEMPLATE("without an upstream it is the resource that was the default at construction",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    checking_upstream first;
    checking_upstream second;
    {
        const default_resource outer(first);
        Resource resource;
        Resource with_options(std::pmr::pool_options{});
        const default_resource inner(second);
        CHECK(resource.upstream_resource() == &first);
        CHECK(with_options.upstream_resource() == &first);
        memory_resource& base = resource;
        void* const block = base.allocate(10'000'000, 8); // of no pool
        CHECK(first.request_around(block).bytes >= 10'000'000);
        base.deallocate(block, 10'000'000, 8);
        CHECK(second.calls() == 0);
    }
    CHECK(first.bytes() == 0);
    CHECK(first.fault() == "");
}

TEST_CASE_TEMPLATE("options of zero mean the implementation's own and none is in effect as zero",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    checking_upstream upstream;
    const auto usual = make<Resource>({}, &upstream).options();
    CHECK(usual.max_blocks_per_chunk > 0);
    CHECK(usual.largest_required_pool_block > 0);
    for (std::size_t asked = 1; asked < usual.largest_required_pool_block; asked += 1 + asked / 2) {
        CAPTURE(asked);
        const auto now = make<Resource>({asked, asked}, &upstream).options();
        CHECK(now.max_blocks_per_chunk > 0);
        CHECK(now.largest_required_pool_block >= asked); // a larger threshold is allowed
    }
}

// The C++ library's resources round max_blocks_per_chunk up to a multiple of four and, at the other end,
// round the largest number up to zero.
TEST_CASE_TEMPLATE("absurd options mean the implementation's limits and others are bounds",
                   Resource,
                   millpond::pool_resource,
                   millpond::concurrent_pool_resource) {
    checking_upstream upstream;
    constexpr std::size_t absurd = ~std::size_t{0};
    const auto in_effect = [&](const std::pmr::pool_options& asked) {
        return make<Resource>(asked, &upstream).options();
    };
    const auto limits = in_effect({});
    for (const std::size_t asked : {absurd, absurd - 1, absurd / 2 + 1}) {
        const auto now = in_effect({asked, asked});
        CHECK(now.max_blocks_per_chunk == limits.max_blocks_per_chunk);
        CHECK(now.largest_required_pool_block == limits.largest_required_pool_block);
    }
    for (std::size_t asked = 1; asked < 200'000; asked += 1 + asked / 2) {
        CAPTURE(asked);
        const auto now = in_effect({asked, asked});
        CHECK(now.max_blocks_per_chunk <= std::min(asked, limits.max_blocks_per_chunk));
        CHECK(now.largest_required_pool_block >=
              std::min(asked, limits.largest_required_pool_block));
        CHECK(now.largest_required_pool_block <= limits.largest_required_pool_block);
    }
}

// How many blocks a pool takes at once shows in the bytes of its requests: they are so large that all that
// a resource may note beside them, in the same request or in one of its own, is less than one block.
TEST_CASE_TEMPLATE("no pool takes more blocks at once than max_blocks_per_chunk",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    constexpr std::size_t bytes = 16'384;
    for (const std::size_t most : {1U, 2U, 3U, 4U, 9U}) {
        CAPTURE(most);
        checking_upstream upstream;
        auto resource = make<Resource>({.max_blocks_per_chunk = most}, &upstream);
        memory_resource& base = resource;
        live_blocks<memory_resource> blocks(base);
        for (int i = 0; i < 40; ++i) {
            blocks.take(bytes, 16);
        }
        CHECK(upstream.largest_request() / bytes >= 1);
        CHECK(upstream.largest_request() / bytes <= most);
        CHECK(blocks.fault() == "");
        blocks.give_all();
    }
}

TEST_CASE_TEMPLATE("a resource equals itself and no other", Resource, MILLPOND_TEST_RESOURCES) {
    checking_upstream upstream;
    const auto one = make<Resource>({}, &upstream);
    const auto other = make<Resource>({}, &upstream);
    const memory_resource& first = one;
    const memory_resource& second = other;
    CHECK(first.is_equal(first));
    CHECK(!first.is_equal(second));
    CHECK(first == first);
    CHECK(first != second);
    CHECK(!first.is_equal(upstream));
}
