// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The self-check of concurrent_core: every block is in exactly one place. Included by
/// concurrent_core.hpp only.

#include "millpond/pool/concurrent_core.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// True for a block that is a bit somewhere: in the occupancy, set aside, or in a thread's words.
template <class Storage>
bool concurrent_core<Storage>::is_waiting(std::uint64_t index) noexcept {
    const auto word = static_cast<std::uint32_t>(index / word_blocks);
    std::uint64_t mask = bits().free_in(word) | reserved_in(word);
    for (std::uint32_t seat = 0; seat < limits_.threads; ++seat) {
        const thread_cache& cache = seats_[seat];
        mask |= cache.current.word == word ? cache.current.mask : 0;
        mask |= cache.gathered.word == word ? cache.gathered.mask : 0;
    }
    return (mask >> (index % word_blocks) & 1) != 0;
}

/// Counts the blocks of one thread and marks those in its magazine live, so that a second place for
/// one is noticed; the caller marks them freed again.
template <class Storage>
verdict concurrent_core<Storage>::verify_cache(const thread_cache& cache,
                                               std::size_t& waiting) noexcept {
    if (cache.kept.size() > limits_.kept ||
        cache.gathered.blocks != static_cast<std::uint32_t>(std::popcount(cache.gathered.mask))) {
        return {"a thread keeps more blocks than it may", cache.kept.size()};
    }
    waiting += static_cast<std::size_t>(std::popcount(cache.current.mask)) + cache.gathered.blocks;
    for (std::uint32_t i = 0; i < cache.kept.size(); ++i, ++waiting) {
        const std::uint64_t index = index_of(cache.kept.oldest(i));
        if (!is_block(index) || is_waiting(index) || state_of(index) != block_state::freed) {
            return {"a magazine holds a block that is live or free elsewhere", i};
        }
        set_state(index, block_state::live);
    }
    return {};
}

template <class Storage>
verdict concurrent_core<Storage>::verify() noexcept {
    if (bits().first_hidden() != occupancy::none ||
        (reserved_words_ != nullptr && reserved().first_hidden() != occupancy::none)) {
        return {"a free block is below no summary bit", 0};
    }
    std::size_t live = 0;
    std::size_t waiting = 0;
    for (std::uint32_t index = 0; index < storage_.capacity(); ++index) {
        const bool is_live = state_of(index) == block_state::live;
        if (is_live && is_waiting(index)) {
            return {"a block is live and free at once", index};
        }
        live += is_live ? 1U : 0U;
    }
    for (std::uint32_t word = 0; word < words_in_use(); ++word) {
        waiting += static_cast<std::size_t>(std::popcount(bits().free_in(word))) +
                   static_cast<std::size_t>(std::popcount(reserved_in(word)));
        if ((bits().free_in(word) & reserved_in(word)) != 0) {
            return {"a block is free and set aside at once", word};
        }
    }
    verdict found;
    for (std::uint32_t seat = 0; seat < limits_.threads && found; ++seat) {
        found = verify_cache(seats_[seat], waiting);
    }
    for (std::uint32_t seat = 0; seat < limits_.threads; ++seat) {
        for (std::uint32_t i = 0; i < seats_[seat].kept.size() && found; ++i) {
            set_state(index_of(seats_[seat].kept.oldest(i)), block_state::freed);
        }
    }
    if (found && live + waiting != storage_.capacity() - missing_of(storage_)) {
        return {"live + kept + current + gathered + occupancy + reserved differs from the blocks",
                waiting};
    }
    return found;
}

} // namespace detail

MILLPOND_NAMESPACE_END
