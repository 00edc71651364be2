// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What must hold of every concurrent pool that no thread is inside: `verify()` finds no fault, and
/// the statistics add up and agree with the accessors.

#include "millpond/base/stats.hpp"

#include <string>

namespace millpond::test {

/// Empty when the pool is sound; otherwise what does not hold.
template <class Pool>
std::string fault_of(Pool& pool) {
    const verdict found = pool.verify();
    if (!found) {
        return std::string(found.fault) + " at " + std::to_string(found.index);
    }
    const concurrent_pool_stats now = pool.stats();
    if (now.blocks != now.live + now.reserved + now.free) {
        return "blocks differs from live + reserved + free";
    }
    if (now.live != pool.size_estimate() || now.capacity != pool.capacity()) {
        return "an accessor disagrees with stats()";
    }
    if (now.blocks < now.capacity || now.blocks > 2 * now.capacity) {
        return "the spare blocks are fewer than none or more than the capacity";
    }
    if (now.bytes_committed < now.blocks * now.block_bytes + now.bytes_metadata) {
        return "the committed bytes do not cover blocks and metadata";
    }
    return {};
}

} // namespace millpond::test

/// One assertion for all of it, with the fault in the message.
#define CHECK_SOUND(pool)   CHECK(millpond::test::fault_of(pool) == "")
#define REQUIRE_SOUND(pool) REQUIRE(millpond::test::fault_of(pool) == "")
