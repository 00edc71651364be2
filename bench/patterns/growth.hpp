// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How long is the worst pause while a pool grows from nothing to four million blocks?
///
/// In one growth every single allocation is timed, with its touch outside, so that the page faults
/// of the blocks themselves do not count but what the allocator does to them does: `worst` is the
/// longest call. Being descheduled does not count: a long call is charged at most the CPU time that
/// has passed since the last look at that clock, a few dozen calls before.
///
/// The other question, in a process of its own because many libraries keep what they once took, is
/// what the whole growth costs: CPU nanoseconds per block, touches and page faults included.

#include <algorithm>
#include <concepts>
#include <span>
#include <stdexcept>
#include <vector>

#include "contenders/making.hpp"
#include "measure.hpp"
#include "passes.hpp"
#include "task.hpp"

namespace millpond::bench {

/// Calls between two looks at the CPU clock, which costs a system call.
inline constexpr std::size_t calls_per_look = 64;

template <class Pool>
[[gnu::noinline]] double longest_allocation_ns(std::size_t blocks, std::uint64_t& checksum) {
    const double scale = ns_per_tick();
    std::vector<void*> held(blocks, nullptr);
    Pool pool(growing{blocks});
    double longest = 0;
    double last_look = cpu_ns();
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < blocks; ++i) {
        if (i % calls_per_look == 0) {
            last_look = cpu_ns();
        }
        const std::uint64_t start = ticks_before();
        void* const block = pool.allocate();
        const double wall = static_cast<double>(ticks_after() - start) * scale;
        if (block == nullptr) [[unlikely]] {
            out_of_blocks();
        }
        if (wall > longest) [[unlikely]] {
            longest = std::max(longest, std::min(wall, cpu_ns() - last_look));
        }
        held[i] = block;
        std::memcpy(block, &++value, sizeof value);
    }
    checksum += give_all(pool, std::span(held));
    return longest;
}

template <class Pool>
outcome measure_growth_pause(const task& asked) {
    if constexpr (std::constructible_from<Pool, growing>) {
        outcome found;
        const double longest = longest_allocation_ns<Pool>(asked.blocks, found.checksum);
        found.figures.push_back({"worst", longest});
        return found;
    } else {
        throw std::invalid_argument("this contender cannot start small and grow");
    }
}

template <class Pool>
outcome measure_growth(const task& asked) {
    if constexpr (std::constructible_from<Pool, growing>) {
        outcome found;
        std::vector<void*> held(asked.blocks, nullptr);
        Pool pool(growing{asked.blocks});
        const double total_ns = pass_ns([&] { take_all(pool, std::span(held)); });
        found.checksum = give_all(pool, std::span(held));
        found.figures.push_back({"time", total_ns / static_cast<double>(asked.blocks)});
        return found;
    } else {
        throw std::invalid_argument("this contender cannot start small and grow");
    }
}

} // namespace millpond::bench
