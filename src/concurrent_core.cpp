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

/// One of the many pools of a resource.
constexpr std::size_t kept_while_growing = 256;

} // namespace

constinit std::array<thread_cache*, thread_indices + 1> no_caches{};

std::size_t cache_limits::threads_of_this_machine() noexcept {
    const std::size_t twice = std::size_t{2} * std::thread::hardware_concurrency();
    return std::clamp<std::size_t>(twice, 8, threads_most);
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
