// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a pool reports about itself. The terms add up, and none of them costs the hot path
/// anything:
///
///     capacity = live + free
///     bytes_committed = blocks' committed pages + metadata
///
/// `high_water` is exact although nothing counts allocations; pool_core.hpp says why.

#include "millpond/base/config.hpp"

#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

/// The size of the pages under a region.
enum class page_size : std::uint8_t {
    standard,         ///< the system's own, 4 KiB on x86-64
    transparent_huge, ///< standard pages that the kernel may join into huge ones
    huge_2mib,        ///< explicit 2 MiB pages; fall back to transparent_huge
    huge_1gib,        ///< explicit 1 GiB pages; fall back to huge_2mib, then transparent_huge
};

/// A snapshot of one pool.
struct pool_stats {
    std::size_t capacity = 0;     ///< blocks that can be live without growing; live + free
    std::size_t live = 0;         ///< blocks that are the caller's
    std::size_t free = 0;         ///< capacity - live; blocks waiting in the magazine count as free
    std::size_t high_water = 0;   ///< the most that were ever live at once
    std::size_t max_capacity = 0; ///< blocks that the pool may grow to
    std::size_t block_bytes = 0;  ///< distance from one block to the next
    std::size_t bytes_committed = 0;       ///< memory that may be touched, blocks and metadata
    std::size_t bytes_metadata = 0;        ///< the part of it that is not blocks
    std::uint64_t failures = 0;            ///< allocations refused since construction
    int growth_error = 0;                  ///< errno of the last refused growth, 0 if none
    page_size pages = page_size::standard; ///< the pages that the blocks really have
    int page_size_error = 0; ///< errno that made a larger page size fall back, 0 if none
};

/// A snapshot of one concurrent pool, taken while its threads keep running: the terms add up, but
/// need not all have been true at the same instant.
///
///     blocks = live + reserved + free
struct concurrent_pool_stats {
    std::size_t capacity = 0; ///< blocks that can be live at once whatever the threads do
    std::size_t blocks = 0;   ///< capacity plus the spare blocks that cover what threads keep
    std::size_t live = 0;     ///< blocks that are a caller's
    std::size_t reserved = 0; ///< blocks that a reservation has set aside
    std::size_t free = 0; ///< all others, in the magazines of threads or where all can reach them
    std::size_t threads = 0;         ///< threads that can have a magazine at once
    std::size_t block_bytes = 0;     ///< distance from one block to the next
    std::size_t bytes_committed = 0; ///< memory that may be touched, blocks and metadata
    std::size_t bytes_metadata = 0;  ///< the part of it that is not blocks
    std::uint64_t failures = 0;      ///< times that an allocation found nothing, waiting ones too
    page_size pages = page_size::standard; ///< the pages that the blocks really have
    int page_size_error = 0; ///< errno that made a larger page size fall back, 0 if none
};

/// The result of `verify()`: true, or the invariant that does not hold.
struct verdict {
    const char* fault = nullptr; ///< nullptr when everything holds
    std::size_t index = 0;       ///< the block, line, word or place in the magazine concerned

    [[nodiscard]] explicit constexpr operator bool() const noexcept { return fault == nullptr; }
};

MILLPOND_NAMESPACE_END
