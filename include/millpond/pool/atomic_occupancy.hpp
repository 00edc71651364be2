// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The occupancy of a concurrent pool: the words and levels of occupancy.hpp, changed by any thread
/// at any time. Bits hold no addresses, so there is no ABA, no tag and no lock.
///
///     give back   word |= mask, then every level above is looked at and its bit set if it is not
///     claim       clear the word's bit in the summary; who cleared it has the word: exchange(word, 0)
///
/// The order is what counts. A giver writes the word before it looks at the summary; a claimer clears
/// the summary before it takes the word. So when a give-back has returned, its blocks are below a set
/// bit, or in the hands of a claimer that is about to take them. A bit whose word is empty is stale
/// and harmless: the next claimer clears it.
///
/// Above the first summary a bit cannot be owned like that; it is cleared when the word below was
/// empty, and set again if it is not empty any more. In between a free block can be out of sight. Every
/// such *window* is counted when it opens and when it closes, and a claimer believes an empty root only
/// if no window was open. Otherwise it looks at every word, which proves nothing by itself: a block may
/// come free behind its back while another is taken before its eyes. So who gives a block back while a
/// window is open says so, and a fruitless look counts only if nobody did.

#include "millpond/base/atomic_access.hpp"
#include "millpond/base/config.hpp"
#include "millpond/pool/occupancy.hpp"

#include <atomic>
#include <bit>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// The operations on shared occupancy words; owns nothing. Every access is sequentially consistent:
/// the argument above is about the order of writes to one word and reads of another.
class atomic_occupancy {
public:
    using claimed_word = occupancy::claimed_word;

    /// How many windows there were; a window is open while the counts differ.
    struct window_counts {
        std::uint64_t opened = 0;
        std::uint64_t closed = 0;
        std::uint64_t shown = 0; ///< times that blocks were given back while one was open
    };

    constexpr atomic_occupancy(std::uint64_t* words,
                               const occupancy_shape& shape,
                               window_counts& windows) noexcept
        : words_(words)
        , shape_(shape)
        , windows_(windows) {}

    /// Takes up to `most` free blocks of one word; none means that at some instant of the call no
    /// block was free. O(levels), and again as often as another thread took what this one had found.
    [[nodiscard]] claimed_word claim(std::uint32_t most) noexcept {
        while (true) {
            // Closed first: equal counts then mean that no window was open when they were read.
            const window_counts before = look_at_windows();
            const std::uint32_t summary = find_summary();
            if (summary == stale) {
                continue;
            }
            if (summary == occupancy::none) {
                if (before.closed == before.opened && look(windows_.opened) == before.opened) {
                    return {};
                }
                const claimed_word left = claim_by_scan(most);
                if (left.mask != 0 || nothing_was_shown_since(before)) {
                    return left;
                }
                continue;
            }
            const claimed_word found = shape_.levels == 1    ? take_some(0, most)
                                       : most >= word_blocks ? claim_below(summary)
                                                             : claim_some_below(summary, most);
            if (found.mask != 0) {
                return found;
            }
        }
    }

    /// Marks the blocks of `mask` free; none of them is. O(levels), never waits, never repeats.
    void give_back(std::uint32_t word, std::uint64_t mask) noexcept {
        // Pairs with the exchange and the `and` of a claimer: it sees what was done to these blocks.
        atomic_or(words_[word], mask, std::memory_order_seq_cst);
        show(0, word);
        const std::uint64_t closed = look(windows_.closed); // before `opened`, as in claim()
        if (closed != look(windows_.opened)) [[unlikely]] {
            // Pairs with the look in nothing_was_shown_since().
            atomic_add(windows_.shown, std::uint64_t{1}, std::memory_order_seq_cst);
        }
    }

    /// Free blocks of one word, as they are now.
    [[nodiscard]] std::uint64_t free_in(std::uint32_t word) const noexcept {
        return atomic_load(words_[word], std::memory_order_relaxed); // an estimate: no partner
    }

    /// The first word that no summary bit leads to although it has a free block, or `none`. For a
    /// pool that no other thread is using.
    [[nodiscard]] std::uint32_t first_hidden() const noexcept {
        for (std::uint32_t level = 0; level + 1 < shape_.levels; ++level) {
            const std::uint32_t end = shape_.first_word[level + 1] - shape_.first_word[level];
            for (std::uint32_t i = 0; i < end; ++i) {
                if (look(word(level, i)) != 0 &&
                    (look(word(level + 1, i / 64)) >> (i % 64) & 1) == 0) {
                    return i;
                }
            }
        }
        return occupancy::none;
    }

private:
    static constexpr std::uint32_t stale = occupancy::none - 1;

    [[nodiscard]] window_counts look_at_windows() const noexcept {
        window_counts now;
        now.closed = look(windows_.closed);
        now.opened = look(windows_.opened);
        now.shown = look(windows_.shown);
        return now;
    }

    /// True when one window was open all the time and no give-back returned in that time: what was
    /// free then was below no bit, and was looked at.
    [[nodiscard]] bool nothing_was_shown_since(const window_counts& before) const noexcept {
        return look(windows_.shown) == before.shown && look(windows_.opened) == before.opened &&
               look(windows_.closed) != before.opened;
    }

    /// A load that takes part in the order of all accesses here; pairs with every write below.
    [[nodiscard]] static std::uint64_t look(std::uint64_t& place) noexcept {
        return atomic_load(place, std::memory_order_seq_cst);
    }

    [[nodiscard]] std::uint64_t& word(std::uint32_t level, std::uint32_t index) const noexcept {
        return words_[shape_.first_word[level] + index];
    }

    [[nodiscard]] static std::uint64_t lowest_of(std::uint64_t bits) noexcept {
        return bits & (~bits + 1);
    }

    /// The index of a first-level summary word that was not empty; 0 when there is no summary and the
    /// only word was not empty; `none` when the root was empty; `stale` when a bit led to an empty word
    /// and was cleared.
    [[nodiscard]] std::uint32_t find_summary() noexcept {
        std::uint32_t level = shape_.levels - 1;
        std::uint32_t index = 0;
        std::uint64_t bits = look(word(level, 0));
        if (bits == 0) {
            return occupancy::none;
        }
        while (level > 1) {
            --level;
            index = index * word_blocks + static_cast<std::uint32_t>(std::countr_zero(bits));
            bits = look(word(level, index));
            if (bits == 0) {
                hide(level, index);
                return stale;
            }
        }
        return index;
    }

    /// Takes a whole word below a first-level summary; an empty mask when others were quicker.
    [[nodiscard]] claimed_word claim_below(std::uint32_t summary) noexcept {
        std::uint64_t& bits = word(1, summary);
        std::uint64_t rest = look(bits);
        while (rest != 0) {
            const std::uint64_t bit = lowest_of(rest);
            // Pairs with a giver's look: it saw this bit set, so the exchange below sees its blocks.
            const std::uint64_t before = atomic_and(bits, ~bit, std::memory_order_seq_cst);
            rest = before & ~bit;
            claimed_word found;
            if ((before & bit) != 0) {
                found.word =
                    summary * word_blocks + static_cast<std::uint32_t>(std::countr_zero(bit));
                // Pairs with the `or` of give_back().
                found.mask = atomic_exchange(
                    words_[found.word], std::uint64_t{0}, std::memory_order_seq_cst);
            }
            if (rest == 0) {
                hide(1, summary);
            }
            if (found.mask != 0) {
                return found;
            }
        }
        return {};
    }

    /// Takes some blocks of a word below a first-level summary and leaves the rest where it is.
    [[nodiscard]] claimed_word claim_some_below(std::uint32_t summary,
                                                std::uint32_t most) noexcept {
        for (std::uint64_t rest = look(word(1, summary)); rest != 0; rest &= rest - 1) {
            const std::uint32_t index =
                summary * word_blocks + static_cast<std::uint32_t>(std::countr_zero(rest));
            const claimed_word found = take_some(index, most);
            if (found.mask != 0) {
                return found;
            }
            hide(0, index);
        }
        return {};
    }

    /// Takes the lowest `most` blocks of one word; an empty mask when it has none or others were quicker.
    [[nodiscard]] claimed_word take_some(std::uint32_t index, std::uint32_t most) noexcept {
        const std::uint64_t there = look(words_[index]);
        std::uint64_t wanted = there;
        for (std::uint32_t i = 0; i < most && wanted != 0; ++i) {
            wanted &= wanted - 1;
        }
        wanted = there & ~wanted;
        if (wanted == 0) {
            return {};
        }
        // Pairs with the `or` of give_back().
        return {index, wanted & atomic_and(words_[index], ~wanted, std::memory_order_seq_cst)};
    }

    /// Looks at every word, whatever the summaries say.
    [[nodiscard]] MILLPOND_SLOW_PATH claimed_word claim_by_scan(std::uint32_t most) noexcept {
        for (std::uint32_t index = 0; index < shape_.block_words(); ++index) {
            const claimed_word found = take_some(index, most);
            if (found.mask != 0) {
                return found;
            }
        }
        return {};
    }

    /// Sets the bits above a word that is not empty, where they are not set.
    void show(std::uint32_t level, std::uint32_t index) noexcept {
        for (; level + 1 < shape_.levels; ++level, index /= word_blocks) {
            std::uint64_t& above = word(level + 1, index / word_blocks);
            const std::uint64_t bit = std::uint64_t{1} << (index % word_blocks);
            if ((look(above) & bit) == 0) {
                // Pairs with the look of every claimer.
                atomic_or(above, bit, std::memory_order_seq_cst);
            }
        }
    }

    /// Clears the bits above a word that was seen empty, in a window.
    void hide(std::uint32_t level, std::uint32_t index) noexcept {
        if (level + 1 >= shape_.levels) {
            return;
        }
        // Both additions pair with the looks of claim() at the counts.
        atomic_add(windows_.opened, std::uint64_t{1}, std::memory_order_seq_cst);
        for (; level + 1 < shape_.levels; ++level, index /= word_blocks) {
            std::uint64_t& above = word(level + 1, index / word_blocks);
            const std::uint64_t bit = std::uint64_t{1} << (index % word_blocks);
            const std::uint64_t before = atomic_and(above, ~bit, std::memory_order_seq_cst);
            if (look(word(level, index)) != 0) {
                show(level, index);
                break;
            }
            if ((before & ~bit) != 0) {
                break;
            }
        }
        atomic_add(windows_.closed, std::uint64_t{1}, std::memory_order_seq_cst);
    }

    std::uint64_t* words_;
    const occupancy_shape& shape_;
    window_counts& windows_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
