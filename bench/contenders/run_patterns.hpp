// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Instantiates every pattern for one contender.
///
/// A contender is a class template over the block size with
///
///     static constexpr std::size_t block_bytes;
///     explicit Contender(std::size_t blocks);   // ready for so many, as well as the library can
///     void* allocate();
///     void deallocate(void*);
///
/// and, where the library has them, a constructor from `growing` (starts small), one from
/// `prefaulted`, and `trim()`, which gives free memory back to the system. Contenders have names of
/// their own: GCC 12 does not take an anonymous namespace for one in a template template argument.

#include <stdexcept>

#include "patterns/burst.hpp"
#include "patterns/churn.hpp"
#include "patterns/growth.hpp"
#include "patterns/latency.hpp"
#include "patterns/memory.hpp"
#include "patterns/pair.hpp"
#include "patterns/refill.hpp"
#include "patterns/start_up.hpp"
#include "task.hpp"

namespace millpond::bench {

/// Patterns of millions of blocks run at this size only.
inline constexpr std::size_t large_pattern_block_bytes = 64;

template <class Pool>
outcome run_large_pattern(const task& asked) {
    switch (asked.what) {
    case pattern::refill:
        return measure_refill<Pool>(asked);
    case pattern::start_up:
        return measure_start_up<Pool>(asked);
    case pattern::start_up_prefaulted:
        return measure_start_up_prefaulted<Pool>(asked);
    case pattern::growth:
        return measure_growth<Pool>(asked);
    case pattern::growth_pause:
        return measure_growth_pause<Pool>(asked);
    case pattern::memory:
        return measure_memory<Pool>(asked);
    case pattern::latency_churn:
        return measure_latency_of_churn<Pool>(asked);
    case pattern::latency_refill:
        return measure_latency_of_refill<Pool>(asked);
    default:
        throw std::invalid_argument("this contender does not run this pattern");
    }
}

template <class Pool>
outcome run_sized(const task& asked) {
    switch (asked.what) {
    case pattern::pair:
        return measure_pair<Pool>(asked);
    case pattern::burst_reverse:
        return measure_burst<Pool, free_order::reverse>(asked);
    case pattern::burst_in_order:
        return measure_burst<Pool, free_order::in_order>(asked);
    case pattern::churn:
        return measure_churn<Pool>(asked);
    default:
        if constexpr (Pool::block_bytes == large_pattern_block_bytes) {
            return run_large_pattern<Pool>(asked);
        }
        throw std::invalid_argument("this pattern runs with blocks of 64 bytes only");
    }
}

/// Runs the pattern that is asked for on one contender.
template <template <std::size_t> class Contender>
outcome run_patterns(const task& asked) {
    switch (asked.block_bytes) {
    case 16:
        return run_sized<Contender<16>>(asked);
    case 64:
        return run_sized<Contender<64>>(asked);
    case 256:
        return run_sized<Contender<256>>(asked);
    case 1024:
        return run_sized<Contender<1024>>(asked);
    default:
        throw std::invalid_argument("blocks have 16, 64, 256 or 1024 bytes");
    }
}

} // namespace millpond::bench
