// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The size of a concurrent pool: its blocks, what its threads may keep, and the tables for both; and the
/// counts that all its threads share.

#include "millpond/base/config.hpp"
#include "millpond/base/fork_lock.hpp"
#include "millpond/base/name.hpp"
#include "millpond/pool/atomic_occupancy.hpp"
#include "millpond/pool/region_storage.hpp"
#include "millpond/pool/thread_cache.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

// What the pool adds to its metadata: the table of caches by thread index, a place per seat to ask for
// help, the caches, and the words of the blocks that are set aside.
// NOLINTNEXTLINE(bugprone-sizeof-expression): the table holds pointers
inline constexpr std::size_t cache_table_bytes = (thread_indices + 1) * sizeof(thread_cache*);
inline constexpr std::size_t asks_bytes = (thread_indices + 1) * sizeof(std::uint64_t);
static_assert((cache_table_bytes + asks_bytes) % alignof(thread_cache) == 0);

/// Storage for the blocks and everything that the threads of a pool share or keep.
struct concurrent_layout {
    pool_layout blocks;
    cache_limits limits;
    std::size_t promised = 0; ///< blocks that can be live whatever the threads do
    fork_lock* growth_lock =
        nullptr; ///< held while the storage grows or shrinks; nullptr: it never does

    [[nodiscard]] static constexpr concurrent_layout of(const pool_name& name,
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
    constexpr void add_tables() noexcept;
};

constexpr concurrent_layout concurrent_layout::of(const pool_name& name,
                                                  std::size_t block_bytes,
                                                  std::size_t block_alignment,
                                                  std::size_t capacity,
                                                  std::size_t threads,
                                                  capacity_bound bound,
                                                  bool prefault) {
    concurrent_layout layout;
    layout.promised = capacity;
    layout.blocks = pool_layout::checked(name, block_bytes, block_alignment, capacity, 0, prefault);
    layout.limits = cache_limits::of(name, capacity, layout.blocks.stride_bytes, threads, bound);
    layout.blocks.add_spare_blocks(name, layout.limits.spare_blocks());
    layout.add_tables();
    return layout;
}

constexpr void concurrent_layout::add_tables() noexcept {
    const std::size_t reserved_words =
        growth_lock != nullptr ? 0 : occupancy_shape::of(blocks.max_capacity).words;
    blocks.extra_bytes = cache_table_bytes + asks_bytes + limits.threads * sizeof(thread_cache) +
                         reserved_words * sizeof(std::uint64_t);
}

/// Every free reads this, so it lies apart from anything that changes while nobody waits.
struct alignas(thread_separation) waiting_counts {
    std::uint32_t waiters = 0; ///< threads in try_allocate_until that found the pool full
    std::uint32_t wakes = 0;   ///< changes when one of them should look again
};

/// Changed by every thread.
struct alignas(thread_separation) shared_counts {
    atomic_occupancy::window_counts windows;
    atomic_occupancy::window_counts reserved_windows;
    std::uint64_t failures = 0;           ///< times that no block was found
    std::array<std::uint64_t, 4> seats{}; ///< a bit per seat, 1 = taken
};

} // namespace detail

MILLPOND_NAMESPACE_END
