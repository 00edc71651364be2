// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The parts of concurrent_core that let a pool grow and shrink, for pools that do. Included by
/// concurrent_core.hpp only.

#include "millpond/pool/concurrent_core.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <mutex>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// The free blocks of 64 words, while nobody else can get them.
template <class Storage>
struct concurrent_core<Storage>::word_window {
    std::uint32_t first_word = 0;
    std::array<std::uint64_t, word_blocks> free{};

    [[nodiscard]] bool has(std::uint64_t index) const noexcept {
        return (free[static_cast<std::size_t>(index / word_blocks) - first_word] >>
                    (index % word_blocks) &
                1) != 0;
    }

    void remove(block_range blocks) noexcept {
        for_each_word(blocks, [this](std::uint32_t word, std::uint64_t mask) {
            free[word - first_word] &= ~mask;
        });
    }
};

template <class Storage>
claimed_word concurrent_core<Storage>::claim_after_growth(std::uint32_t most,
                                                          atomic_occupancy::helper* help) noexcept {
    if (growth_lock_ == nullptr) {
        return {};
    }
    const std::lock_guard guard(*growth_lock_);
    while (true) {
        // Another thread may have grown the storage meanwhile, and others may take all that it
        // grows by.
        const claimed_word found = bits().claim(most, help);
        if (found.mask != 0) {
            return found;
        }
        if (!grow()) {
            return {};
        }
    }
}

template <class Storage>
bool concurrent_core<Storage>::grow() noexcept {
    const block_range more = storage_.grow();
    for_each_word(more,
                  [this](std::uint32_t word, std::uint64_t mask) { bits().give_back(word, mask); });
    return !more.empty();
}

template <class Storage>
bool concurrent_core<Storage>::can_hold(std::size_t blocks) noexcept {
    const std::lock_guard guard(*growth_lock_);
    while (this->blocks() < blocks) {
        if (!grow()) {
            (void)count_failure();
            return false;
        }
    }
    return true;
}

/// What other threads keep stays with them.
template <class Storage>
std::size_t concurrent_core<Storage>::shrink() noexcept {
    if (own_cache() != nullptr) {
        spill(*own_cache());
    }
    if constexpr (leaves_gaps<Storage>) {
        return shrink_chunks();
    } else {
        return shrink_pages();
    }
}

/// Goes from the last chunk to the first, with the lock free in between: an allocation meanwhile
/// finds other blocks, or grows the storage.
template <class Storage>
std::size_t concurrent_core<Storage>::shrink_chunks() noexcept {
    std::size_t returned = 0;
    for (std::uint32_t end = ~std::uint32_t{0}; end > 0;) {
        const std::lock_guard guard(*growth_lock_);
        const block_range chunk = storage_.chunk_before(std::min(end, storage_.capacity()));
        if (claim_whole(chunk)) {
            returned += storage_.discard(chunk.first, chunk.end, [](block_range /*gone*/) {});
        }
        end = chunk.first;
    }
    return returned;
}

/// Takes blocks out of the occupancy, if all of them are in it. False for an empty range.
template <class Storage>
bool concurrent_core<Storage>::claim_whole(block_range blocks) noexcept {
    bool is_whole = !blocks.empty();
    std::uint32_t claimed = 0; // words before this one have been
    for_each_word(blocks, [&](std::uint32_t word, std::uint64_t mask) {
        if (is_whole) {
            const std::uint64_t found = bits().claim_word(word);
            is_whole = (found & mask) == mask;
            const std::uint64_t rest = is_whole ? found & ~mask : found;
            if (rest != 0) {
                bits().give_back(word, rest);
            }
            claimed = is_whole ? word + 1 : claimed;
        }
    });
    if (!is_whole) {
        for_each_word(blocks, [&](std::uint32_t word, std::uint64_t mask) {
            if (word < claimed) {
                bits().give_back(word, mask);
            }
        });
    }
    return is_whole;
}

/// Claims words, looks through them and gives them back, some at a time, the last ones first: an
/// allocation meanwhile finds others, or grows the storage.
template <class Storage>
std::size_t concurrent_core<Storage>::shrink_pages() noexcept {
    std::size_t returned = 0;
    for (std::uint32_t windows = words_in_use() / word_blocks + 1; windows > 0; --windows) {
        const std::lock_guard guard(*growth_lock_);
        word_window window{(windows - 1) * word_blocks, {}};
        const std::uint32_t end = std::min(words_in_use(), windows * word_blocks);
        for (std::uint32_t word = window.first_word; word < end; ++word) {
            window.free[word - window.first_word] = bits().claim_word(word);
        }
        returned += discard_free(window);
        for (std::uint32_t word = window.first_word; word < end; ++word) {
            if (window.free[word - window.first_word] != 0) {
                bits().give_back(word, window.free[word - window.first_word]);
            }
        }
    }
    return returned;
}

/// Returns the memory under each run of free blocks; blocks that no longer exist leave the window.
template <class Storage>
std::size_t concurrent_core<Storage>::discard_free(word_window& window) noexcept {
    const std::uint64_t first = std::uint64_t{window.first_word} * word_blocks;
    const std::uint64_t end = first + std::uint64_t{word_blocks} * word_blocks;
    std::size_t returned = 0;
    for (std::uint64_t run = first; run < end;) {
        std::uint64_t after = run;
        while (after < end && window.has(after)) {
            ++after;
        }
        if (after != run) {
            returned += discard(
                {static_cast<std::uint32_t>(run), static_cast<std::uint32_t>(after)}, window);
        }
        run = after + 1;
    }
    return returned;
}

template <class Storage>
std::size_t concurrent_core<Storage>::discard(block_range run, word_window& window) noexcept {
    const std::size_t stride = storage_.stride_bytes();
    const std::size_t returned = storage_.discard(run.first * stride, run.end * stride);
    if (run.end == storage_.capacity()) {
        storage_.retract(run.first);
        window.remove(run);
    }
    return returned;
}

} // namespace detail

MILLPOND_NAMESPACE_END
