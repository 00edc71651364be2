// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The size of a concurrent pool: its blocks, what its threads may keep, and the tables for both.

#include "millpond/base/config.hpp"
#include "millpond/base/fork_lock.hpp"
#include "millpond/base/name.hpp"
#include "millpond/pool/region_storage.hpp"
#include "millpond/pool/thread_cache.hpp"

#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Storage for the blocks and everything that the threads of a pool share or keep.
struct concurrent_layout {
    pool_layout blocks;
    cache_limits limits;
    std::size_t promised = 0; ///< blocks that can be live whatever the threads do
    fork_lock* growth_lock =
        nullptr; ///< held while the storage grows or shrinks; nullptr: it never does

    [[nodiscard]] static concurrent_layout of(const pool_name& name,
                                              std::size_t block_bytes,
                                              std::size_t block_alignment,
                                              std::size_t capacity,
                                              std::size_t threads,
                                              capacity_bound bound,
                                              bool prefault);

    /// For a pool that grows, and so promises nothing and has no spare blocks.
    [[nodiscard]] static concurrent_layout
    growing(const pool_layout& blocks, std::uint32_t threads, fork_lock& growth_lock);

private:
    void add_tables() noexcept;
};

} // namespace detail

MILLPOND_NAMESPACE_END
