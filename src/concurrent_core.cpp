// SPDX-License-Identifier: MIT
/// \file
/// How much a thread may keep, where it is kept, and sleeping.

#include "millpond/pool/concurrent_core.hpp"

#include "millpond/base/error.hpp"

#include <algorithm>
#include <array>
#include <thread>

#include "os.hpp"

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

/// Large blocks are kept by the dozen, small ones by the thousand.
constexpr std::size_t kept_bytes = std::size_t{64} << 10;
constexpr std::size_t kept_least = 16;

/// One of the many pools of a resource.
constexpr std::size_t kept_while_growing = 256;

std::size_t affordable_blocks(std::size_t stride_bytes) noexcept {
    return std::max(kept_bytes / stride_bytes, kept_least);
}

std::uint32_t smallest_of(std::initializer_list<std::size_t> counts) noexcept {
    return static_cast<std::uint32_t>(std::min(counts));
}

} // namespace

constinit std::array<thread_cache*, thread_indices + 1> no_caches{};

cache_limits cache_limits::of(const pool_name& name,
                              std::size_t capacity,
                              std::size_t stride_bytes,
                              std::size_t threads,
                              capacity_bound bound) {
    if (threads > threads_most) {
        throw_bad_option(name.c_str(), "threads", threads, "must be at most", threads_most);
    }
    if (threads == 0) {
        const std::size_t twice = std::size_t{2} * std::thread::hardware_concurrency();
        threads = std::clamp<std::size_t>(twice, 8, threads_most);
    }
    const std::size_t affordable = affordable_blocks(stride_bytes);
    const std::size_t share = capacity / threads;
    cache_limits limits;
    if (bound == capacity_bound::exact) {
        limits.at_once = smallest_of({word_blocks, affordable}); // only by bulk calls, in passing
        return limits;
    }
    limits.kept = smallest_of({magazine_entries_most, affordable, share / 2});
    limits.at_once = smallest_of({word_blocks, affordable, share / 6});
    limits.threads = limits.at_once == 0 ? 0 : static_cast<std::uint32_t>(threads);
    return limits;
}

concurrent_layout concurrent_layout::of(const pool_name& name,
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

concurrent_layout concurrent_layout::growing(const pool_layout& blocks,
                                             std::uint32_t threads,
                                             fork_lock& growth_lock) {
    concurrent_layout layout;
    layout.blocks = blocks;
    layout.growth_lock = &growth_lock;
    const std::size_t affordable = affordable_blocks(blocks.stride_bytes);
    layout.limits = {.threads = threads,
                     .kept = smallest_of({kept_while_growing, affordable}),
                     .at_once = smallest_of({word_blocks, affordable})};
    layout.add_tables();
    return layout;
}

void concurrent_layout::add_tables() noexcept {
    const std::size_t reserved_words =
        growth_lock != nullptr ? 0 : occupancy_shape::of(blocks.max_capacity).words;
    blocks.extra_bytes = cache_table_bytes + asks_bytes + limits.threads * sizeof(thread_cache) +
                         reserved_words * sizeof(std::uint64_t);
}

void sleep_until_woken(std::uint32_t& wakes,
                       std::uint32_t expected,
                       std::chrono::nanoseconds most) noexcept {
    os::sleep_on(wakes, expected, most);
}

void wake_sleeper(std::uint32_t& wakes) noexcept {
    os::wake_one(wakes);
}

} // namespace detail

MILLPOND_NAMESPACE_END
