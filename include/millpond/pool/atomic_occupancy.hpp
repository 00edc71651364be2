// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The occupancy of a concurrent pool: the words and levels of occupancy.hpp, changed by any thread
/// at any time. Bits hold no addresses, so there is no ABA, no tag and no lock.
///
///     give back   word |= mask, then look at every level above and set its bit if it is not set
///     claim       clear the word's bit in the summary; who cleared it has the word: exchange(word, 0)
///
/// The order matters. A giver writes the word before it looks at the summary; a claimer clears the
/// summary before it takes the word. So when a give-back has returned, its blocks are below a set
/// bit, or in the hands of a claimer that is about to take them. A bit whose word is empty is stale
/// and harmless: the next claimer clears it.
///
/// Above the first summary a bit cannot be owned like that; it is cleared when the word below was
/// empty, and set again if that word is no longer empty. In between, a free block can be out of
/// sight. Every such *window* is counted when it opens and when it closes, and a claimer believes
/// an empty root only if no window was open. Otherwise it looks at every word, which proves nothing
/// by itself: a block may become free in a word already looked at while another is taken from a
/// word ahead. So whoever gives a block back while a window is open says so, and a fruitless look
/// counts only if nobody did.
///
/// Giving back takes a fixed number of steps. A claim can lose a word to another thread, again and
/// again; so a thread that has lost a few times *asks*, and every thread that claims a word looks
/// at one other thread's place, each in turn, before it takes the word, and *grants* it to that
/// thread if that one asks. With p threads a claim of whole words thus ends after at most p * p
/// words that others took in between.

#include "millpond/base/atomic_access.hpp"
#include "millpond/base/config.hpp"
#include "millpond/pool/occupancy.hpp"

#include <atomic>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// The operations on shared occupancy words; owns nothing. Every access is sequentially consistent:
/// the argument above is about the order of writes to one word and reads of another.
class atomic_occupancy {
public:
    /// How many windows there have been; a window is open while the counts differ.
    struct window_counts {
        std::uint64_t opened = 0;
        std::uint64_t closed = 0;
        std::uint64_t shown = 0; ///< how often blocks were given back while one was open
    };

    /// How one thread asks for help, and whom it helps.
    struct helper {
        std::uint64_t* asks = nullptr; ///< a place per thread: 0, `asking`, or `granted` + a word
        std::uint32_t threads = 0;     ///< places
        std::uint32_t own = 0;         ///< this thread's place
        std::uint32_t next = 0;        ///< whose place was looked at last
        std::uint32_t near = 0;        ///< which of 64 words it claimed last
        bool looked = false;           ///< true once it has looked in this claim
    };

    /// Only words of blocks below `end` are ever searched.
    constexpr atomic_occupancy(std::uint64_t* words,
                               const occupancy_shape& shape,
                               std::uint32_t end,
                               window_counts& windows) noexcept
        : words_(words)
        , shape_(shape)
        , end_(end)
        , windows_(windows) {}

    /// Takes up to `most` free blocks of one word; none means that at some instant of the call no
    /// block was free. O(levels), repeated for every word that another thread takes meanwhile.
    [[nodiscard]] claimed_word claim(std::uint32_t most, helper* help = nullptr) noexcept {
        bool asked = false;
        if (help != nullptr) {
            help->looked = false;
        }
        for (std::uint32_t tries = 0;; ++tries) {
            outcome now = try_claim(most, help);
            if (asked) {
                asked = !settle(*help, now);
            } else if (tries >= tries_alone && help != nullptr && !now.is_final) {
                atomic_store(help->asks[help->own], asking, std::memory_order_seq_cst);
                asked = true;
            }
            if (now.is_final) {
                return now.found;
            }
        }
    }

    /// Marks the blocks of `mask` free; none of them is yet. O(levels), never waits, never repeats.
    void give_back(std::uint32_t word, std::uint64_t mask) noexcept {
        // Pairs with the exchange and the `and` of a claimer: it sees what was done to these blocks.
        atomic_or(words_[word], mask, std::memory_order_seq_cst);
        show_to_all(word);
    }

    /// Takes every free block of one word.
    [[nodiscard]] std::uint64_t claim_word(std::uint32_t index) noexcept {
        return take_some(index, word_blocks).mask;
    }

    /// Free blocks of one word, as they are now.
    [[nodiscard]] std::uint64_t free_in(std::uint32_t word) const noexcept {
        return atomic_load(words_[word], std::memory_order_relaxed); // an estimate: no partner
    }

    /// Makes the blocks of `free_in_word(word)` free, and no others. For a pool that no other
    /// thread is using: these are plain stores. O(words).
    template <class FreeInWord>
    void rebuild(FreeInWord free_in_word) noexcept {
        std::uint32_t used = words_for(end_);
        for (std::uint32_t i = 0; i < used; ++i) {
            words_[i] = free_in_word(i);
        }
        for (std::uint32_t level = 1; level < shape_.levels; ++level, used = words_for(used)) {
            for (std::uint32_t i = 0; i < used; ++i) {
                std::uint64_t& summary = word(level, i / word_blocks);
                summary = i % word_blocks == 0 ? 0 : summary;
                summary |= std::uint64_t{word(level - 1, i) != 0 ? 1U : 0U} << (i % word_blocks);
            }
        }
    }

    /// The first word that no summary bit leads to although it has a free block, or `none`. For a
    /// pool that no other thread is using.
    [[nodiscard]] std::uint32_t first_hidden() const noexcept {
        std::uint32_t used = words_for(end_);
        for (std::uint32_t level = 0; level + 1 < shape_.levels; ++level, used = words_for(used)) {
            for (std::uint32_t i = 0; i < used; ++i) {
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
    static constexpr std::uint32_t tries_alone = 8; ///< before a thread asks
    static constexpr std::uint64_t asking = 1;
    static constexpr std::uint64_t granted = 2;

    /// The result of one try.
    struct outcome {
        claimed_word found;
        bool is_final = false; ///< blocks, or certainty that there were none
    };

    [[nodiscard]] outcome try_claim(std::uint32_t most, helper* help) noexcept {
        const window_counts before = look_at_windows();
        const std::uint32_t summary = find_summary();
        if (summary == stale) {
            return {};
        }
        if (summary == occupancy::none) {
            if (before.closed == before.opened && look(windows_.opened) == before.opened) {
                return {.found = {}, .is_final = true};
            }
            const claimed_word left = claim_by_scan(most);
            return {.found = left, .is_final = left.mask != 0 || nothing_was_shown_since(before)};
        }
        const claimed_word found = shape_.levels == 1    ? take_some(0, most)
                                   : most >= word_blocks ? claim_below(summary, help)
                                                         : claim_some_below(summary, most);
        return {.found = found, .is_final = found.mask != 0};
    }

    /// Ends this thread's asking when its try has come to an end or another thread has granted a
    /// word: the granted word is taken, or shown to all again if it is not needed. False while it
    /// goes on asking.
    [[nodiscard]] bool settle(helper& help, outcome& now) noexcept {
        std::uint64_t& place = help.asks[help.own];
        if (!now.is_final && look(place) == asking) {
            return false;
        }
        // Pairs with the replacement in give_away().
        const std::uint64_t answer =
            atomic_exchange(place, std::uint64_t{0}, std::memory_order_seq_cst);
        if (answer < granted) {
            return true;
        }
        const auto index = static_cast<std::uint32_t>(answer - granted);
        if (now.found.mask != 0) {
            show_to_all(index);
            return true;
        }
        now.found = {index,
                     atomic_exchange(words_[index], std::uint64_t{0}, std::memory_order_seq_cst)};
        now.is_final = now.found.mask != 0;
        return true;
    }

    /// True when the thread whose turn it is asks for help and now has the word, which was this
    /// thread's.
    [[nodiscard]] bool give_away(helper* help, std::uint32_t index) noexcept {
        if (help == nullptr || help->looked) {
            return false;
        }
        help->looked = true;
        help->next = help->next + 1 < help->threads ? help->next + 1 : 0;
        std::uint64_t& place = help->asks[help->next];
        return help->next != help->own && look(place) == asking && look(words_[index]) != 0 &&
               // Pairs with the exchange in settle().
               atomic_replace(place, asking, granted + index, std::memory_order_seq_cst);
    }

    [[nodiscard]] window_counts look_at_windows() const noexcept {
        window_counts now;
        now.closed = look(windows_.closed);
        now.opened = look(windows_.opened);
        now.shown = look(windows_.shown);
        return now;
    }

    /// True when one window was open all the time and no give-back returned in that time: what was
    /// free then was below no bit, and has been looked at.
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
            index = index * word_blocks + trailing_zeros(bits);
            bits = look(word(level, index));
            if (bits == 0) {
                hide(level, index);
                return stale;
            }
        }
        return index;
    }

    /// Takes a word below a first-level summary, near the one that the thread claimed last, so that
    /// threads do not meet in the same cache lines; an empty mask when others were quicker, or when
    /// the word went to a thread that asked.
    [[nodiscard]] claimed_word claim_below(std::uint32_t summary, helper* help) noexcept {
        std::uint64_t& bits = word(1, summary);
        const std::uint64_t there = look(bits);
        const std::uint64_t ahead = help != nullptr ? there >> help->near << help->near : 0;
        const std::uint64_t bit = lowest_of(ahead != 0 ? ahead : there);
        if (bit == 0) {
            return {};
        }
        // Pairs with a giver's look: it saw this bit set, so the exchange below sees its blocks.
        const std::uint64_t before = atomic_and(bits, ~bit, std::memory_order_seq_cst);
        claimed_word found;
        if ((before & bit) != 0) {
            const auto position = trailing_zeros(bit);
            found.word = summary * word_blocks + position;
            if (help != nullptr) {
                help->near = position;
            }
            if (!give_away(help, found.word)) {
                // Pairs with the `or` of give_back().
                found.mask = atomic_exchange(
                    words_[found.word], std::uint64_t{0}, std::memory_order_seq_cst);
            }
        }
        if ((before & ~bit) == 0) {
            hide(1, summary);
        }
        return found;
    }

    /// Takes some blocks of a word below a first-level summary and leaves the rest in place.
    [[nodiscard]] claimed_word claim_some_below(std::uint32_t summary,
                                                std::uint32_t most) noexcept {
        for (std::uint64_t rest = look(word(1, summary)); rest != 0; rest &= rest - 1) {
            const std::uint32_t index = summary * word_blocks + trailing_zeros(rest);
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
        const std::uint64_t before = atomic_and(words_[index], ~wanted, std::memory_order_seq_cst);
        if ((before & ~wanted) == 0) {
            hide(0, index); // whoever empties a word clears its bit, so no claim pays for many
        }
        return {index, wanted & before};
    }

    /// Looks at every word, whatever the summaries say.
    [[nodiscard]] MILLPOND_SLOW_PATH claimed_word claim_by_scan(std::uint32_t most) noexcept {
        for (std::uint32_t index = 0; index < words_for(end_); ++index) {
            // A thread that loses the blocks it wanted has not seen that the word has no others.
            while (look(words_[index]) != 0) {
                const claimed_word found = take_some(index, most);
                if (found.mask != 0) {
                    return found;
                }
            }
        }
        return {};
    }

    /// Lets every claimer find the blocks of a word.
    void show_to_all(std::uint32_t index) noexcept {
        show(0, index);
        const std::uint64_t closed = look(windows_.closed); // before `opened`, as in try_claim()
        if (closed != look(windows_.opened)) [[unlikely]] {
            // Pairs with the look in nothing_was_shown_since().
            atomic_add(windows_.shown, std::uint64_t{1}, std::memory_order_seq_cst);
        }
    }

    /// Sets the bits above a word that is not empty, unless they are set.
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

    /// Words that cover `below` blocks or words.
    [[nodiscard]] static constexpr std::uint32_t words_for(std::uint32_t below) noexcept {
        return below / word_blocks + (below % word_blocks != 0 ? 1 : 0);
    }

    std::uint64_t* words_;
    const occupancy_shape& shape_;
    std::uint32_t end_; ///< of the blocks in use
    window_counts& windows_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
