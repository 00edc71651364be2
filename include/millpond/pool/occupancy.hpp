// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A set of numbers, one bit each, with summaries above, in which the lowest is found without a search.
///
///     level 2 (root)   [ 1 word  ]   bit i: word i of level 1 is not zero
///     level 1          [ . . . . ]   bit i: word i of level 0 is not zero
///     level 0          [ . . . . . . . . . . ]   bit i of word w: the set has number 64 w + i
///
/// Every level has a 64th of the words below it, up to a single root word: at most six levels for
/// 2^32 numbers. In a concurrent pool (atomic_occupancy.hpp) they are the free blocks; in a pool
/// for one thread the *lines* of 64 blocks in which some are free. All words zero means an empty
/// set, which is the state of fresh pages and static storage anyway: construction writes nothing.

#include "millpond/base/config.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Blocks in one occupancy word.
inline constexpr std::uint32_t word_blocks = 64;

/// Of a word that is not zero: the index of its lowest bit. std::countr_zero looks for zero first.
[[nodiscard]] constexpr std::uint32_t trailing_zeros(std::uint64_t word) noexcept {
    return static_cast<std::uint32_t>(__builtin_ctzll(word));
}

/// Blocks from `first` up to, but not including, `end`.
struct block_range {
    std::uint32_t first = 0;
    std::uint32_t end = 0;

    [[nodiscard]] constexpr bool empty() const noexcept { return first == end; }
};

/// Calls `visit(word, mask)` for every word that has blocks of the range.
template <class Visit>
constexpr void for_each_word(block_range blocks, Visit visit) {
    for (std::uint64_t block = blocks.first; block < blocks.end;) {
        const auto in_word = static_cast<std::uint32_t>(block % word_blocks);
        const std::uint64_t rest = blocks.end - block;
        const std::uint64_t count = rest < word_blocks - in_word ? rest : word_blocks - in_word;
        visit(static_cast<std::uint32_t>(block / word_blocks),
              (~std::uint64_t{0} >> (word_blocks - count)) << in_word);
        block += count;
    }
}

/// True for a storage that returns chunks from between others; their indices then have no block.
template <class Storage>
inline constexpr bool leaves_gaps = requires(const Storage& view) {
    view.missing();
};

/// Indices without a block, below the capacity and the frontier if there is one.
template <class Storage>
[[nodiscard]] std::uint32_t missing_of(const Storage& storage) noexcept {
    if constexpr (leaves_gaps<Storage>) {
        return storage.missing();
    } else {
        return 0;
    }
}

/// Where each level of the summary begins, for a given number of blocks.
struct occupancy_shape {
    static constexpr std::uint32_t max_levels = 6;

    std::array<std::uint32_t, max_levels> first_word{}; ///< of each level, in one array of words
    std::uint32_t levels = 0;
    std::uint32_t words = 0; ///< of all levels together

    static constexpr occupancy_shape of(std::size_t blocks) noexcept {
        occupancy_shape shape;
        std::size_t below = blocks;
        do {
            below = (below + word_blocks - 1) / word_blocks;
            shape.first_word[shape.levels++] = shape.words;
            shape.words += static_cast<std::uint32_t>(below);
        } while (below > 1);
        return shape;
    }

    /// Words of level 0.
    [[nodiscard]] constexpr std::uint32_t block_words() const noexcept {
        return levels > 1 ? first_word[1] : words;
    }
};

/// A word of free blocks, taken together: bit i of `mask` is block `64 * word + i`.
struct claimed_word {
    std::uint32_t word = 0;
    std::uint64_t mask = 0; ///< zero when nothing was free
};

/// A set of numbers below a limit, in the words of a shape; owns nothing. Every change takes a fixed
/// number of steps: one per level.
class occupancy {
public:
    constexpr occupancy(std::uint64_t* words, const occupancy_shape& shape) noexcept
        : words_(words)
        , shape_(shape) {}

    [[nodiscard]] constexpr bool contains(std::uint32_t number) const noexcept {
        return (words_[number / word_blocks] >> (number % word_blocks) & 1) != 0;
    }

    /// Adds a number, which may be there.
    constexpr void insert(std::uint32_t number) noexcept {
        for (std::uint32_t level = 0; level < shape_.levels; ++level) {
            std::uint64_t& word = words_[shape_.first_word[level] + number / word_blocks];
            const std::uint64_t before = word;
            word = before | std::uint64_t{1} << (number % word_blocks);
            if (before != 0) {
                return;
            }
            number /= word_blocks;
        }
    }

    /// Takes a number out, which is there.
    constexpr void erase(std::uint32_t number) noexcept {
        for (std::uint32_t level = 0; level < shape_.levels; ++level) {
            std::uint64_t& word = words_[shape_.first_word[level] + number / word_blocks];
            word &= ~(std::uint64_t{1} << (number % word_blocks));
            if (word != 0) {
                return;
            }
            number /= word_blocks;
        }
    }

    /// Takes the lowest number out, or returns `none`. No search: every set bit leads to one. Compiled for
    /// every number of levels, so that addresses stay in registers on the way down and up.
    template <std::uint32_t Root = occupancy_shape::max_levels - 1>
    [[nodiscard, gnu::always_inline]] constexpr std::uint32_t take_lowest() noexcept {
        if constexpr (Root > 0) {
            if (shape_.levels <= Root) {
                return take_lowest<Root - 1>();
            }
        }
        if (words_[shape_.first_word[Root]] == 0) {
            return none;
        }
        std::uint32_t number = 0;
        (void)take_lowest_below<Root>(number);
        return number;
    }

    /// Makes the set empty. It holds no number at or beyond `end`, so words beyond stay untouched.
    constexpr void clear(std::uint32_t end) noexcept {
        std::uint32_t used = end;
        for (std::uint32_t level = 0; level < shape_.levels; ++level) {
            used = used / word_blocks + (used % word_blocks != 0 ? 1 : 0);
            for (std::uint32_t i = 0; i < used; ++i) {
                words_[shape_.first_word[level] + i] = 0;
            }
        }
    }

    /// The first word whose bit in the summary disagrees with it, or `none`; looks at the words of
    /// numbers below `end`.
    [[nodiscard]] constexpr std::uint32_t first_inconsistency(std::uint32_t end) const noexcept {
        std::uint32_t used = end;
        for (std::uint32_t level = 1; level < shape_.levels; ++level) {
            const std::uint32_t below = shape_.first_word[level - 1];
            used = used / word_blocks + (used % word_blocks != 0 ? 1 : 0);
            for (std::uint32_t i = 0; i < used; ++i) {
                const std::uint64_t summary =
                    words_[shape_.first_word[level] + i / word_blocks] >> (i % word_blocks);
                if ((words_[below + i] != 0) != ((summary & 1) != 0)) {
                    return below + i;
                }
            }
        }
        return none;
    }

    static constexpr std::uint32_t none = ~std::uint32_t{0};

private:
    /// Takes the lowest number out below a level's word, which is not zero; `number` is the word's, then that
    /// one. True when the word becomes zero.
    template <std::uint32_t Level>
    [[nodiscard, gnu::always_inline]] constexpr bool
    take_lowest_below(std::uint32_t& number) noexcept {
        std::uint64_t& word = words_[shape_.first_word[Level] + number];
        number = number * word_blocks + trailing_zeros(word);
        if constexpr (Level > 0) {
            if (!take_lowest_below<Level - 1>(number)) {
                return false;
            }
        }
        word &= word - 1; // without the lowest bit
        return word == 0;
    }

    std::uint64_t* words_;
    const occupancy_shape& shape_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
