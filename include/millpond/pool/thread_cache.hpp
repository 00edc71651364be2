// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a concurrent pool keeps for one thread, and how much of it.
///
/// Other threads cannot have the blocks that wait here. So a pool has spare blocks for as many as
/// all its threads can keep, and `capacity` stays a promise. A pool that must never hand out more
/// than `capacity` has no spare blocks, and so keeps nothing for any thread.

#include "millpond/base/config.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/thread_index.hpp"
#include "millpond/pool/atomic_occupancy.hpp"
#include "millpond/pool/magazine.hpp"
#include "millpond/pool/occupancy.hpp"
#include "millpond/pool/position.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>

MILLPOND_NAMESPACE_BEGIN

/// How a concurrent pool finds out that a block is freed twice.
enum class free_check : unsigned char {
    fast,  ///< without an atomic step: a free that begins after another has returned is stopped;
           ///< of two within the same nanoseconds both may pass
    exact, ///< every free is an atomic exchange: of any two frees of a block one is stopped
};

/// What a concurrent pool's `capacity` is.
enum class capacity_bound : unsigned char {
    at_least, ///< so many can always be live, and at times more, up to twice as many: threads keep
              ///< blocks of their own, and spare ones cover for them
    exact,    ///< so many can always be live, and never one more: for back-pressure and quotas. No
              ///< thread keeps anything, so every call takes atomic steps on words that all share
};

namespace detail {

/// Two cache lines: processors fetch lines in pairs, and threads must not share a pair.
inline constexpr std::size_t thread_separation = 128;

/// Blocks on their way into the occupancy, all of one word.
struct gathered_word {
    std::uint64_t mask = 0;
    std::uint32_t word = 0;
    std::uint32_t blocks = 0; ///< bits of mask
};

/// One thread's blocks. All zero is empty, so an unused one costs address space only.
struct alignas(thread_separation) thread_cache {
    claimed_word current; ///< the rest of the word that was claimed last
    gathered_word gathered;
    atomic_occupancy::helper help;  ///< as it joined the pool
    magazine<magazine_places> kept; ///< blocks freed lately
};

/// The table by thread index of a pool that is destroyed: no thread has a cache.
extern std::array<thread_cache*, thread_indices + 1> no_caches;

/// Large blocks are kept by the dozen, small ones by the thousand.
inline constexpr std::size_t kept_bytes = std::size_t{64} << 10;
inline constexpr std::size_t kept_least = 16;

constexpr std::size_t affordable_blocks(std::size_t stride_bytes) noexcept {
    return std::max(kept_bytes / stride_bytes, kept_least);
}

constexpr std::uint32_t smallest_of(std::initializer_list<std::size_t> counts) noexcept {
    return static_cast<std::uint32_t>(std::min(counts));
}

/// How much a thread may keep, and the blocks that this costs.
struct cache_limits {
    static constexpr std::uint32_t threads_most = 250; ///< a thread index fits in a byte

    std::uint32_t threads = 0; ///< that keep blocks at once; 0: none does
    std::uint32_t kept = 0;    ///< in a thread's magazine
    std::uint32_t at_once = 0; ///< claimed or given back together, at most a word

    /// Blocks beyond the capacity: what all threads can keep, gather, claim, and be granted.
    [[nodiscard]] constexpr std::size_t spare_blocks() const noexcept {
        return std::size_t{threads} * (kept + 3 * at_once);
    }

    /// For `threads` threads; 0 means a number that suits the machine. There are no more spare
    /// blocks than capacity, and none where the bound is exact. Throws std::invalid_argument when
    /// there are too many threads.
    [[nodiscard]] static constexpr cache_limits of(const pool_name& name,
                                                   std::size_t capacity,
                                                   std::size_t stride_bytes,
                                                   std::size_t threads,
                                                   capacity_bound bound = capacity_bound::at_least);

private:
    /// Twice as many as it runs at a time, 8 to `threads_most`.
    [[nodiscard]] static std::size_t threads_of_this_machine() noexcept;
};

// Here and constexpr, so that a buffer can be an array whose size is `buffer_bytes` of constants.
constexpr cache_limits cache_limits::of(const pool_name& name,
                                        std::size_t capacity,
                                        std::size_t stride_bytes,
                                        std::size_t threads,
                                        capacity_bound bound) {
    if (threads > threads_most) {
        throw_bad_option(name.c_str(), "threads", threads, "must be at most", threads_most);
    }
    const std::size_t affordable = affordable_blocks(stride_bytes);
    cache_limits limits;
    if (bound == capacity_bound::exact) {
        limits.at_once = smallest_of({word_blocks, affordable}); // only by bulk calls, in passing
        return limits;
    }
    if (threads == 0) {
        threads = threads_of_this_machine();
    }
    const std::size_t share = capacity / threads;
    limits.kept = smallest_of({magazine_places, affordable, share / 2});
    limits.at_once = smallest_of({word_blocks, affordable, share / 6});
    limits.threads = limits.at_once == 0 ? 0 : static_cast<std::uint32_t>(threads);
    return limits;
}

} // namespace detail

MILLPOND_NAMESPACE_END
