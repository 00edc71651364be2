// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The loops in which blocks come and go, for every pattern and every contender.
///
/// A pass is never inlined, and what it counts and adds up is its own, so that stays in registers. What
/// belongs to the caller is fetched from memory after every operation wherever the compiler outlines the
/// loop; the more instructions a block takes, the fewer blocks that are not in the cache are fetched at once.
/// For the same reason blocks are freed in the order in which they are held: who wants another order shuffles
/// beforehand, because to look a place up in a table of millions is a miss of its own.

#include <cstddef>
#include <cstdint>
#include <span>

#include "measure.hpp"

namespace millpond::bench {

/// Allocates and touches a block for every place; writes the numbers that follow `value`.
template <class Pool>
[[gnu::noinline]] void take_all(Pool& pool, std::span<void*> held, std::uint64_t value = 0) {
    for (void*& block : held) {
        block = take(pool, ++value);
    }
}

/// Reads and frees the block at every place. Returns the sum of what it read, as all of these do.
template <class Pool>
[[gnu::noinline]] std::uint64_t give_all(Pool& pool, std::span<void* const> held) {
    std::uint64_t sum = 0;
    for (void* const block : held) {
        sum += give(pool, block);
    }
    return sum;
}

/// Reads and frees, the last place first.
template <class Pool>
[[gnu::noinline]] std::uint64_t give_all_backwards(Pool& pool, std::span<void* const> held) {
    std::uint64_t sum = 0;
    for (std::size_t i = held.size(); i > 0; --i) {
        sum += give(pool, held[i - 1]);
    }
    return sum;
}

/// Allocates, touches, reads and frees one block after the other.
template <class Pool>
[[gnu::noinline]] std::uint64_t take_and_give(Pool& pool, std::size_t blocks) {
    std::uint64_t sum = 0;
    for (std::uint64_t value = 1; value <= blocks; ++value) {
        sum += give(pool, take(pool, value));
    }
    return sum;
}

/// Reads the first word of every block, which stays live.
[[gnu::noinline]] inline std::uint64_t look_at_all(std::span<void* const> held) noexcept {
    std::uint64_t sum = 0;
    for (const void* const block : held) {
        sum += look(block);
    }
    return sum;
}

} // namespace millpond::bench
