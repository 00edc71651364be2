// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What must hold of every pool after every step: `verify()` finds no fault, and the statistics add
/// up and agree with the accessors.

#include "millpond/base/stats.hpp"

#include <string>

namespace millpond::test {

/// Empty when the pool is sound; otherwise what does not hold.
template <class Pool>
std::string fault_of(const Pool& pool) {
    const verdict found = pool.verify();
    if (!found) {
        return std::string(found.fault) + " at " + std::to_string(found.index);
    }
    const pool_stats now = pool.stats();
    if (now.capacity != now.live + now.free) {
        return "capacity differs from live + free";
    }
    if (now.live != pool.size() || now.capacity != pool.capacity() ||
        now.free != pool.available() || now.high_water != pool.high_water()) {
        return "an accessor disagrees with stats()";
    }
    if (now.high_water < now.live || now.capacity > now.max_capacity) {
        return "live <= high_water or capacity <= max_capacity does not hold";
    }
    if (now.bytes_committed < now.capacity * now.block_bytes + now.bytes_metadata) {
        return "the committed bytes do not cover blocks and metadata";
    }
    return {};
}

} // namespace millpond::test

/// One assertion for all of it, with the fault in the message.
#define CHECK_SOUND(pool)   CHECK(millpond::test::fault_of(pool) == "")
#define REQUIRE_SOUND(pool) REQUIRE(millpond::test::fault_of(pool) == "")
