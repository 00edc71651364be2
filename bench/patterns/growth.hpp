// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How long is the worst pause while a pool grows from nothing to four million blocks?
///
/// In one growth every single allocation is timed, with its touch outside, so that the page faults
/// of the blocks themselves do not count but what the allocator does to them does: `worst` is the
/// longest call, in nanoseconds of wall time. Interrupts are in it too, so the median over the
/// repetitions is what says something. `total` is another growth without timers, touches included:
/// CPU nanoseconds per block.

#include <algorithm>
#include <concepts>
#include <stdexcept>
#include <vector>

#include "contenders/making.hpp"
#include "measure.hpp"
#include "task.hpp"

namespace millpond::bench {

template <class Pool>
std::uint64_t longest_allocation_ticks(std::size_t blocks, std::uint64_t& checksum) {
    std::vector<void*> held(blocks);
    Pool pool(growing{blocks});
    std::uint64_t longest = 0;
    std::uint64_t value = 0;
    for (void*& block : held) {
        const std::uint64_t start = ticks_before();
        block = pool.allocate();
        const std::uint64_t end = ticks_after();
        if (block == nullptr) [[unlikely]] {
            out_of_blocks();
        }
        std::memcpy(block, &++value, sizeof value);
        longest = std::max(longest, end - start);
    }
    for (void* const block : held) {
        checksum += give(pool, block);
    }
    return longest;
}

template <class Pool>
outcome measure_growth(const task& asked) {
    if constexpr (std::constructible_from<Pool, growing>) {
        outcome found;
        std::vector<void*> held(asked.blocks);
        {
            Pool pool(growing{asked.blocks});
            const double total_ns = pass_ns([&] {
                std::uint64_t value = 0;
                for (void*& block : held) {
                    block = take(pool, ++value);
                }
            });
            found.figures.push_back({"total", total_ns / static_cast<double>(asked.blocks)});
            for (void* const block : held) {
                found.checksum += give(pool, block);
            }
        }
        const std::uint64_t longest = longest_allocation_ticks<Pool>(asked.blocks, found.checksum);
        found.figures.push_back({"worst", static_cast<double>(longest) * ns_per_tick()});
        return found;
    } else {
        throw std::invalid_argument("this contender cannot start small and grow");
    }
}

} // namespace millpond::bench
