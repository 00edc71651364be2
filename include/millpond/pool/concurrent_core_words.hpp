// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The path that one call in a few dozen takes in concurrent_core: between what a thread keeps and
/// the words that all threads share. Included by concurrent_core.hpp only.

#include "millpond/pool/concurrent_core.hpp"

#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <class Storage>
void* concurrent_core<Storage>::pick_from_word(thread_cache& cache) noexcept {
    if (cache.current.mask == 0) {
        if (cache.gathered.mask != 0) {
            cache.current = {cache.gathered.word, cache.gathered.mask};
            cache.gathered = {};
        } else {
            cache.current = bits().claim(limits_.at_once, &cache.help);
            if (cache.current.mask == 0) [[unlikely]] {
                cache.current = claim_after_growth(limits_.at_once, &cache.help);
            }
            if (cache.current.mask == 0) [[unlikely]] {
                return count_failure();
            }
        }
    }
    void* const block = lowest_block(cache.current);
    cache.current.mask &= cache.current.mask - 1;
    prefetch_for_write(static_cast<std::byte*>(block) +
                       prefetch_distance * storage_.stride_bytes());
    return block;
}

template <class Storage>
void concurrent_core<Storage>::put_beyond(thread_cache& cache, std::uint64_t index) noexcept {
    gather(cache.gathered, index);
}

template <class Storage>
inline void concurrent_core<Storage>::gather(gathered_word& gathered,
                                             std::uint64_t index) noexcept {
    const auto word = static_cast<std::uint32_t>(index / word_blocks);
    if (word != gathered.word || gathered.blocks >= limits_.at_once) {
        flush(gathered);
        gathered.word = word;
    }
    gathered.mask |= std::uint64_t{1} << (index % word_blocks);
    ++gathered.blocks;
}

template <class Storage>
inline void concurrent_core<Storage>::flush(gathered_word& gathered) noexcept {
    if (gathered.mask != 0) {
        bits().give_back(gathered.word, gathered.mask);
        gathered.mask = 0;
        gathered.blocks = 0;
    }
}

/// Returns everything that a thread keeps.
template <class Storage>
void concurrent_core<Storage>::spill(thread_cache& cache) noexcept {
    while (!cache.kept.empty()) {
        gather(cache.gathered, index_of(cache.kept.pop()));
    }
    flush(cache.gathered);
    if (cache.current.mask != 0) {
        bits().give_back(cache.current.word, cache.current.mask);
        cache.current.mask = 0;
    }
}

} // namespace detail

MILLPOND_NAMESPACE_END
