// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What must hold of every resource that nobody is inside, after every step: `verify()` finds no fault,
/// the statistics add up and agree with the pools', with what the test holds, and with what the upstream
/// has given.

#include "millpond/base/stats.hpp"

#include <cstddef>
#include <string>

#include "upstream.hpp"

namespace millpond::test {

/// What the pools of a resource say of themselves, all together.
struct pools_together {
    std::size_t pools = 0;
    std::size_t live = 0;
    std::size_t bytes_live = 0;
    std::size_t bytes_committed = 0; ///< without metadata
    std::size_t bytes_limited = 0;   ///< of blocks in pages: each, and two bytes
    std::string fault;
};

/// Blocks that a pool has, and whether its own terms add up.
inline std::size_t blocks_of(const pool_stats& one, bool& adds_up) {
    adds_up = one.capacity == one.live + one.free && one.high_water >= one.live &&
              one.capacity <= one.max_capacity;
    return one.capacity;
}

inline std::size_t blocks_of(const concurrent_pool_stats& one, bool& adds_up) {
    adds_up = one.blocks == one.live + one.reserved + one.free && one.reserved == 0;
    return one.blocks;
}

template <class Resource>
pools_together ask_pools(const Resource& resource) {
    pools_together all;
    std::size_t block = 0;
    for (std::size_t bytes = 1; (block = resource.block_bytes(bytes, 1)) != 0; bytes = block + 1) {
        const auto one = resource.stats_of(bytes, 1);
        if (one.block_bytes == 0) {
            continue; // nobody has asked for such a block yet
        }
        bool adds_up = false;
        const std::size_t blocks = blocks_of(one, adds_up);
        if (!adds_up || one.block_bytes != block ||
            one.bytes_committed - one.bytes_metadata < blocks * block) {
            all.fault = "the terms of a pool of " + std::to_string(block) + " bytes do not add up";
        }
        ++all.pools;
        all.live += one.live;
        all.bytes_live += one.live * block;
        all.bytes_committed += one.bytes_committed - one.bytes_metadata;
        all.bytes_limited += blocks * (block + 2);
    }
    return all;
}

/// Empty when the resource is sound; otherwise what does not hold. `upstream` is what its chunks come
/// from, nullptr when it has pages of its own.
template <class Resource>
std::string fault_of(Resource& resource, const checking_upstream* upstream) {
    const verdict found = resource.verify();
    if (!found) {
        return std::string(found.fault) + " at " + std::to_string(found.index);
    }
    const pool_resource_stats now = resource.stats();
    const pools_together pools = ask_pools(resource);
    if (!pools.fault.empty()) {
        return pools.fault;
    }
    if (now.pools != pools.pools || now.blocks_live != pools.live ||
        now.bytes_live != pools.bytes_live + now.unpooled_bytes ||
        now.bytes_committed != pools.bytes_committed + now.unpooled_bytes) {
        return "the resource's statistics are not the sum of its pools'";
    }
    if (now.bytes_committed < now.bytes_live) {
        return "more is live than committed";
    }
    if (now.limit_bytes != 0 && now.limited_bytes > now.limit_bytes) {
        return "the limit is exceeded";
    }
    const std::size_t limited = upstream != nullptr ? pools.bytes_committed : pools.bytes_limited;
    if (now.limited_bytes != limited + now.unpooled_bytes) {
        return "what counts against the limit is not what the blocks take";
    }
    if (upstream == nullptr) {
        return {};
    }
    // Beside the blocks the upstream gives a record for each unpooled one, and what holds those.
    constexpr std::size_t record = 128;
    if (upstream->bytes() < now.bytes_committed ||
        upstream->bytes() > now.bytes_committed + record * (now.unpooled_live + 1)) {
        return "the upstream has given " + std::to_string(upstream->bytes()) + " bytes, not " +
               std::to_string(now.bytes_committed);
    }
    return upstream->fault();
}

/// The same, and the blocks that the test holds are those that are live.
template <class Resource, class Blocks>
std::string fault_of(Resource& resource, const checking_upstream* upstream, const Blocks& blocks) {
    const pool_resource_stats now = resource.stats();
    if (now.blocks_live + now.unpooled_live != blocks.size() || now.bytes_live < blocks.bytes()) {
        return "other blocks are live than are held";
    }
    return blocks.fault().empty() ? fault_of(resource, upstream) : blocks.fault();
}

} // namespace millpond::test

/// One assertion for all of it, with the fault in the message.
#define CHECK_SOUND(...)   CHECK(millpond::test::fault_of(__VA_ARGS__) == "")
#define REQUIRE_SOUND(...) REQUIRE(millpond::test::fault_of(__VA_ARGS__) == "")
