// SPDX-License-Identifier: MIT
/// \file
/// What the standard says of every resource when its upstream throws ([mem.res.pool.mem]): it passes, and
/// nothing is lost.

#include <cstddef>
#include <memory_resource>
#include <new>
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
using millpond::test::refusal;
using millpond::test::shape;
using millpond::test::shapes;
using millpond::test::take_some_of_each;
using std::pmr::memory_resource;

namespace {

/// True where a refusal may be met. The C++ library's resources swallow what the upstream throws when they
/// have a chunk but no room to write it down, and then use it all the same; so theirs is met by blocks of
/// no pool only.
template <class Resource>
bool survives_a_refusal(const Resource& resource, std::size_t bytes) {
    return millpond::test::is_ours<Resource> ||
           bytes > resource.options().largest_required_pool_block;
}

struct refusals {
    int met = 0;    ///< runs in which the upstream refused
    int passed = 0; ///< of what it threw, how much reached the caller
};

/// Takes and frees blocks with an upstream that refuses `many` calls from the k-th on.
template <class Resource>
refusals use_with_refusals(int k, int many) {
    checking_upstream upstream;
    refusals seen;
    {
        auto resource = make<Resource>({.max_blocks_per_chunk = 4}, &upstream);
        memory_resource& base = resource;
        live_blocks<memory_resource> blocks(base);
        blocks.take(64, 8); // so that some pools are there and others are not
        upstream.refuse_after(k, many);
        for (int turn = 0; turn < 2; ++turn) {
            for (const shape& one : shapes) {
                if (!survives_a_refusal<Resource>(resource, one.bytes)) {
                    continue;
                }
                const int before = upstream.last_refused();
                try {
                    blocks.take(one.bytes, one.alignment);
                } catch (const refusal& passed) {
                    ++seen.passed;
                    CHECK(passed.call == upstream.last_refused());
                    CHECK(passed.call != before);
                }
                blocks.check_contents();
                REQUIRE(fault_inside(resource) == std::string());
            }
        }
        seen.met = upstream.last_refused() >= 0 ? 1 : 0;
        upstream.relent();
        take_some_of_each(blocks, 1);
        blocks.check_contents();
        blocks.give_all();
        CHECK(blocks.fault() == "");
        CHECK(fault_inside(resource) == std::string());
        resource.release();
        CHECK(upstream.bytes() == 0);
    }
    CHECK(upstream.fault() == "");
    CHECK(upstream.bytes() == 0);
    return seen;
}

template <class Resource>
refusals walk_refusals(int many) {
    refusals all;
    for (int k = 0;; ++k) {
        CAPTURE(k);
        const refusals now = use_with_refusals<Resource>(k, many);
        if (now.met == 0) {
            return all;
        }
        ++all.met;
        all.passed += now.passed;
    }
}

} // namespace

TEST_CASE_TEMPLATE("what the upstream throws once passes unchanged or is made up for",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    // A resource may ask a second time, for less.
    const refusals walked = walk_refusals<Resource>(1);
    CHECK(walked.met > 5);
    CHECK(walked.passed > 5);
}

TEST_CASE_TEMPLATE("what the upstream throws from one call on passes unchanged and nothing is lost",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    const refusals walked = walk_refusals<Resource>(1'000'000);
    CHECK(walked.met > 5);
    CHECK(walked.passed >= walked.met);
}

TEST_CASE_TEMPLATE("an upstream that has run out makes allocations fail until blocks come back",
                   Resource,
                   MILLPOND_TEST_RESOURCES) {
    checking_upstream upstream;
    {
        upstream.set_limit(300'000);
        auto resource = make<Resource>({.max_blocks_per_chunk = 8}, &upstream);
        memory_resource& base = resource;
        live_blocks<memory_resource> blocks(base);
        for (int round = 0; round < 3; ++round) {
            CHECK_THROWS_AS(
                [&] {
                    while (true) {
                        blocks.take(1000, 8);
                    }
                }(),
                std::bad_alloc);
            const std::size_t had = blocks.size();
            CHECK(had >= 200);
            blocks.give(had / 2);
            blocks.take(1000, 8); // the same block again
            blocks.check_contents();
            blocks.give_all();
        }
        CHECK(blocks.fault() == "");
        CHECK(fault_inside(resource) == std::string());
        CHECK(upstream.peak_bytes() <= 300'000);
    }
    CHECK(upstream.fault() == "");
    CHECK(upstream.bytes() == 0);
}
