// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a concurrent pool keeps for one thread, and how much of it.
///
/// The blocks that wait here cannot be had by other threads. So every pool has spare blocks for as
/// many as all its threads can keep, and `capacity` stays a promise.

#include "millpond/base/config.hpp"
#include "millpond/base/name.hpp"
#include "millpond/pool/block_state.hpp"
#include "millpond/pool/magazine.hpp"
#include "millpond/pool/occupancy.hpp"

#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

/// How a concurrent pool finds out that a block is freed twice.
enum class free_check : unsigned char {
    fast, ///< a thread frees its own blocks without an atomic step; when it and another thread free
          ///< one block within the same nanoseconds, both frees may pass
    exact, ///< every free is an atomic exchange: of any two frees of a block one stops
};

namespace detail {

/// Two cache lines: processors fetch them in pairs, and threads must not share any.
inline constexpr std::size_t thread_separation = 128;

/// The state of a block that is live and was handed out to the thread in this slot. Only that thread
/// holds the slot, so it may free the block with plain stores; everybody else exchanges.
[[nodiscard]] constexpr block_state live_of_slot(std::uint32_t slot) noexcept {
    return static_cast<block_state>(slot + 3);
}

/// True for live blocks, whoever they were handed out to; `live` itself is nobody's.
[[nodiscard]] constexpr bool is_live_state(block_state state) noexcept {
    return state != block_state::never && state != block_state::freed;
}

/// A state that no block ever has: nothing was handed out to a thread without a slot.
inline constexpr block_state live_without_slot = static_cast<block_state>(255);

/// Blocks on their way into the occupancy, all of one word.
struct gathered_word {
    std::uint64_t mask = 0;
    std::uint32_t word = 0;
    std::uint32_t blocks = 0; ///< bits of mask
};

/// One thread's blocks. All zero is empty, so an unused one costs address space only.
struct alignas(thread_separation) thread_cache {
    block_state live = block_state::never; ///< what marks the blocks handed out from here
    block_state own = block_state::never;  ///< what marks those that a plain store may free
    occupancy::claimed_word current;       ///< the rest of the word that was claimed last
    gathered_word gathered;
    magazine<magazine_entries_most> kept; ///< blocks freed lately
};

/// How much a thread may keep, and the blocks that this costs.
struct cache_limits {
    static constexpr std::uint32_t threads_most = 250; ///< a slot is part of a state byte

    std::uint32_t threads = 0; ///< that keep blocks at one time; 0: none does
    std::uint32_t kept = 0;    ///< in a thread's magazine
    std::uint32_t at_once = 0; ///< claimed or given back together, at most a word

    /// Blocks beyond the capacity: what all threads can keep, claim and gather.
    [[nodiscard]] constexpr std::size_t spare_blocks() const noexcept {
        return std::size_t{threads} * (kept + 2 * at_once);
    }

    /// For `threads` threads, 0 for a number that suits the machine. No more spare blocks than
    /// capacity. Throws std::invalid_argument when there are too many.
    [[nodiscard]] static cache_limits
    of(const pool_name& name, std::size_t capacity, std::size_t stride_bytes, std::size_t threads);
};

} // namespace detail

MILLPOND_NAMESPACE_END
