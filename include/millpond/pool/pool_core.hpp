// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The mechanism that every single-threaded pool shares.
///
///     front       one block: the one freed last, still marked live. Serves free + allocate pairs.
///     magazine    a ring of blocks freed lately, marked freed
///     occupancy   bits of the blocks that are neither live nor waiting above
///     frontier    blocks from here on were never handed out: no bit, no state, no page touched
///
///     capacity = live + front (0 or 1) + magazine + bits in occupancy + (capacity - frontier)
///
/// The state of each block is one byte out of band. It is written when a block enters or leaves the
/// magazine, so a free can tell exactly whether the block is live; for the front, which is still
/// marked live, one comparison tells. Free blocks themselves are never read or written.
///
/// The magazine's floor keeps `high_water` exact at no cost: allocation takes the fast path while it
/// cannot lead to a new peak, see `lower_floor`.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/pool/block_state.hpp"
#include "millpond/pool/magazine.hpp"
#include "millpond/pool/occupancy.hpp"

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// What the core needs of the place that holds blocks and metadata.
template <class Storage>
concept block_storage = requires(Storage& storage, const Storage& view, std::uint64_t offset) {
    { view.stride_bytes() } -> std::same_as<std::size_t>;
    { view.index_of(offset) } -> std::same_as<std::uint64_t>;
    { view.blocks() } -> std::same_as<std::byte*>;    // first block
    { view.states() } -> std::same_as<block_state*>;  // max_capacity() states, padded to 8
    { view.words() } -> std::same_as<std::uint64_t*>; // shape().words words
    { view.shape() } -> std::same_as<const occupancy_shape&>;
    { view.capacity() } -> std::convertible_to<std::uint32_t>;     // blocks committed
    { view.max_capacity() } -> std::convertible_to<std::uint32_t>; // hard limit
    { storage.grow() } -> std::same_as<bool>; // commits more, false when it cannot
};

template <block_storage Storage, std::uint32_t MagazineEntries>
class pool_core {
public:
    template <class... Arguments>
    explicit constexpr pool_core(pool_name name, Arguments&&... arguments)
        : storage_(static_cast<Arguments&&>(arguments)...)
        , name_(name) {}

    // --- the hot path -----------------------------------------------------------------------

    [[nodiscard]] void* try_allocate() noexcept {
        if (void* const block = front_; block != nullptr) {
            front_ = nullptr;
            unpoison(block, storage_.stride_bytes());
            return block;
        }
        if (magazine_.above_floor()) [[likely]] {
            return take();
        }
        return allocate_slow();
    }

    /// A null pointer is ignored; anything that is not a live block stops the program.
    void deallocate(void* block) noexcept {
        std::uint64_t index; // NOLINT(cppcoreguidelines-init-variables): accept() sets it
        if (accept(block, index)) [[likely]] {
            put_back(block, index);
        }
    }

    /// True for a block that is marked live, with its index; false for a null pointer. Stops the
    /// program for anything else. The front is marked live too: see `is_front`.
    [[nodiscard]] bool accept(const void* block, std::uint64_t& index) const noexcept {
        index = index_of(block);
        if constexpr (checked_build) {
            if (index < storage_.max_capacity() && storage_.states()[index] == block_state::live)
                [[likely]] {
                return true;
            }
            refuse_unless_null(block);
            return false;
        }
        return block != nullptr;
    }

    /// Makes an accepted block free.
    void put_back(void* block, std::uint64_t index) noexcept {
        if (front_ == nullptr) {
            poison(block, storage_.stride_bytes());
            prefetch_for_write(block);
            front_ = block;
            return;
        }
        refuse_front(block);
        storage_.states()[index] = block_state::freed;
        poison(block, storage_.stride_bytes());
        if (magazine_.full()) [[unlikely]] {
            flush();
        }
        magazine_.push(block);
    }

    // --- bulk -------------------------------------------------------------------------------

    /// Fills as much of `out` as there are blocks and returns how much.
    [[nodiscard]] std::size_t try_allocate_bulk(std::span<void*> out) noexcept {
        std::size_t count = 0;
        if (front_ != nullptr && count < out.size()) {
            unpoison(front_, storage_.stride_bytes());
            out[count++] = front_;
            front_ = nullptr;
        }
        while (count < out.size() && !magazine_.empty()) {
            out[count++] = take();
        }
        while (count < out.size()) {
            const std::uint32_t taken = take_word(out.subspan(count));
            if (taken == 0) {
                ++failures_;
                break;
            }
            count += taken;
        }
        note_peak(live());
        return count;
    }

    /// Gives blocks back, a whole word at a time where they are neighbours. Null pointers are
    /// ignored.
    void deallocate_bulk(std::span<void* const> blocks) noexcept {
        spill_front();
        occupancy free_blocks = bits();
        std::uint32_t word = 0;
        std::uint64_t mask = 0;
        for (void* const block : blocks) {
            std::uint64_t index; // NOLINT(cppcoreguidelines-init-variables): accept() sets it
            if (!accept(block, index)) {
                continue;
            }
            storage_.states()[index] = block_state::freed;
            poison(block, storage_.stride_bytes());
            --claimed_;
            const auto its_word = static_cast<std::uint32_t>(index / word_blocks);
            if (its_word != word && mask != 0) {
                free_blocks.give_back(word, mask);
                mask = 0;
            }
            word = its_word;
            mask |= std::uint64_t{1} << (index % word_blocks);
        }
        if (mask != 0) {
            free_blocks.give_back(word, mask);
        }
        settle_floor();
    }

    // --- the whole pool ---------------------------------------------------------------------

    /// Forgets every block without looking at it; keeps the memory. O(metadata of used blocks).
    void clear() noexcept {
        poison(storage_.blocks(), std::size_t{frontier_} * storage_.stride_bytes());
        std::memset(storage_.states(), 0, frontier_);
        std::memset(storage_.words(), 0, storage_.shape().words * sizeof(std::uint64_t));
        front_ = nullptr;
        magazine_.refill(0);
        frontier_ = 0;
        claimed_ = 0;
        settle_floor();
    }

    /// Returns the memory under free blocks to the system; the number of bytes that it got back.
    std::size_t shrink() noexcept {
        spill();
        retract_frontier();
        std::size_t returned = 0;
        std::uint32_t run = 0; // first block of the current run of free ones
        for (std::uint32_t block = 0; block < frontier_; ++block) {
            if (block % word_blocks == 0 && bits().free_in(block / word_blocks) == 0) {
                returned += discard_blocks(run, block);
                block += word_blocks - 1;
                run = block + 1;
            } else if (!bits().is_free(block)) {
                returned += discard_blocks(run, block);
                run = block + 1;
            }
        }
        return returned + discard_blocks(run < frontier_ ? run : frontier_, storage_.capacity());
    }

    [[nodiscard]] bool owns(const void* address) const noexcept {
        const auto offset = offset_of(address);
        return offset < std::uint64_t{storage_.capacity()} * storage_.stride_bytes();
    }

    [[nodiscard]] std::uint32_t live() const noexcept {
        return claimed_ - magazine_.size() - (front_ != nullptr ? 1U : 0U);
    }

    /// Every block from here on was never handed out.
    [[nodiscard]] std::uint32_t frontier() const noexcept { return frontier_; }

    /// Stops the program when `block` is the front, which `accept` cannot tell from a live block.
    void refuse_front(const void* block) const noexcept {
        if constexpr (checked_build) {
            if (is_front(block)) [[unlikely]] {
                refuse(block);
            }
        }
    }

    [[nodiscard]] bool is_front(const void* block) const noexcept { return block == front_; }

    [[nodiscard]] bool is_live(std::uint32_t index) const noexcept {
        return storage_.states()[index] == block_state::live && !is_front(block_at(index));
    }

    /// The first live block at or after `index`, or frontier(). Looks at eight states at a time.
    [[nodiscard]] std::uint32_t next_live(std::uint32_t index) const noexcept {
        const block_state* const states = storage_.states();
        while (index < frontier_) {
            std::uint64_t eight; // NOLINT(cppcoreguidelines-init-variables): copied into below
            std::memcpy(&eight, states + (index & ~7U), sizeof eight);
            const std::uint64_t marked = (eight & 0x0101010101010101U) >> (index % 8 * 8);
            if (marked == 0) {
                index = (index & ~7U) + 8;
                continue;
            }
            index += static_cast<std::uint32_t>(std::countr_zero(marked)) / 8;
            if (!is_front(block_at(index))) [[likely]] {
                return index;
            }
            ++index;
        }
        return frontier_;
    }

    [[nodiscard]] void* block_at(std::uint64_t index) const noexcept {
        return storage_.blocks() + index * storage_.stride_bytes();
    }

    [[nodiscard]] const pool_name& name() const noexcept { return name_; }

    [[nodiscard]] Storage& storage() noexcept { return storage_; }

    [[nodiscard]] const Storage& storage() const noexcept { return storage_; }

    [[nodiscard]] pool_stats stats() const noexcept {
        pool_stats now;
        now.capacity = storage_.capacity();
        now.live = live();
        now.free = now.capacity - now.live;
        now.high_water = high_water_;
        now.max_capacity = storage_.max_capacity();
        now.block_bytes = storage_.stride_bytes();
        now.failures = failures_;
        storage_.add_memory_stats(now);
        return now;
    }

    [[nodiscard]] std::uint32_t high_water() const noexcept { return high_water_; }

    /// Checks every invariant above; O(capacity).
    [[nodiscard]] verdict verify() const noexcept;

    /// Takes over another pool's blocks; the other is left without any.
    pool_core(pool_core&& other) noexcept
        : storage_(static_cast<Storage&&>(other.storage_)) {
        take_over(other);
    }

    pool_core& operator=(pool_core&& other) noexcept {
        storage_ = static_cast<Storage&&>(other.storage_);
        take_over(other);
        return *this;
    }

    pool_core(const pool_core&) = delete;
    pool_core& operator=(const pool_core&) = delete;
    constexpr ~pool_core() = default;

    /// Marks the pool so that a later free is recognised; the last thing a pool's destructor does.
    void retire() noexcept {
        unpoison(storage_.blocks(), storage_.committed_block_bytes());
        front_ = nullptr;
        gone_ = misuse::pool_destroyed;
        storage_.retire();
        // Without this the compiler drops the stores above: they are the object's last.
        asm volatile("" : : "r"(this) : "memory");
    }

private:
    static constexpr std::uint64_t no_index = ~std::uint64_t{0};
    static constexpr std::uint32_t flush_blocks = 32;
    static constexpr std::uint32_t prefetch_distance = 4;

    [[nodiscard]] occupancy bits() const noexcept { return {storage_.words(), storage_.shape()}; }

    [[nodiscard]] std::uint64_t offset_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) -
               reinterpret_cast<std::uintptr_t>(storage_.blocks());
    }

    [[nodiscard]] std::uint64_t index_of(const void* block) const noexcept {
        return storage_.index_of(offset_of(block));
    }

    /// Hands out the magazine's newest block. The magazine is not empty.
    [[nodiscard]] void* take() noexcept {
        void* const block = magazine_.pop();
        prefetch_for_write(magazine_.peek(prefetch_distance));
        storage_.states()[index_of(block)] = block_state::live;
        unpoison(block, storage_.stride_bytes());
        return block;
    }

    /// The magazine is empty, or the next block would be a new peak. The front is empty.
    [[nodiscard]] MILLPOND_OUTLINE void* allocate_slow() noexcept {
        if (magazine_.empty() && !refill()) {
            ++failures_;
            return nullptr;
        }
        note_peak(live() + 1);
        return take();
    }

    void note_peak(std::uint32_t live_blocks) noexcept {
        if (live_blocks > high_water_) {
            high_water_ = live_blocks;
        }
        settle_floor();
    }

    /// Says how many blocks must stay in the magazine for `high_water_` to remain true: with
    /// `claimed_` blocks out of the occupancy, all beyond the old peak. Never more than there are,
    /// because a filled front means that one block more was live just before.
    void settle_floor() noexcept {
        magazine_.set_floor(claimed_ > high_water_ ? claimed_ - high_water_ : 0);
    }

    /// Blocks that were never handed out, up to the end of a word; grows the storage when needed.
    [[nodiscard]] std::uint32_t fresh_blocks() noexcept {
        if (frontier_ == storage_.capacity() && !storage_.grow()) {
            return 0;
        }
        const std::uint32_t to_word_end = word_blocks - frontier_ % word_blocks;
        const std::uint32_t to_capacity = storage_.capacity() - frontier_;
        return to_word_end < to_capacity ? to_word_end : to_capacity;
    }

    /// Fills the empty magazine with one word of free blocks, or with fresh ones.
    [[nodiscard]] bool refill() noexcept {
        const occupancy::claimed_word claimed = bits().claim();
        std::uint64_t mask = claimed.mask;
        std::uint32_t first = claimed.word * word_blocks;
        std::uint32_t count = static_cast<std::uint32_t>(std::popcount(mask));
        if (mask == 0) {
            count = fresh_blocks();
            if (count == 0) {
                return false;
            }
            first = frontier_;
            frontier_ += count;
            mask = ~std::uint64_t{0} >> (word_blocks - count);
        }
        claimed_ += count;
        void** place = magazine_.refill(count) + count; // the lowest address is popped first
        std::byte* const base = static_cast<std::byte*>(block_at(first));
        const std::size_t stride = storage_.stride_bytes();
        if (count == word_blocks) {
            for (std::uint32_t i = 0; i < word_blocks; ++i) {
                *--place = base + i * stride;
            }
            return true;
        }
        for (; mask != 0; mask &= mask - 1) {
            *--place = base + static_cast<std::size_t>(std::countr_zero(mask)) * stride;
        }
        return true;
    }

    /// Hands out up to a word of blocks straight from the occupancy or the frontier.
    [[nodiscard]] std::uint32_t take_word(std::span<void*> out) noexcept {
        const auto most =
            out.size() < word_blocks ? static_cast<std::uint32_t>(out.size()) : word_blocks;
        const occupancy::claimed_word claimed = bits().claim_at_most(most);
        std::uint64_t mask = claimed.mask;
        std::uint32_t first = claimed.word * word_blocks;
        if (mask == 0) {
            const std::uint32_t fresh = fresh_blocks();
            const std::uint32_t count = fresh < most ? fresh : most;
            if (count == 0) {
                return 0;
            }
            first = frontier_;
            frontier_ += count;
            mask = ~std::uint64_t{0} >> (word_blocks - count);
        }
        std::uint32_t taken = 0;
        for (; mask != 0; mask &= mask - 1) {
            const std::uint32_t index = first + static_cast<std::uint32_t>(std::countr_zero(mask));
            storage_.states()[index] = block_state::live;
            unpoison(block_at(index), storage_.stride_bytes());
            out[taken++] = block_at(index);
        }
        claimed_ += taken;
        return taken;
    }

    /// Gives the oldest blocks of the magazine back to the occupancy, neighbours together.
    void give_back_oldest(std::uint32_t count) noexcept {
        occupancy free_blocks = bits();
        for (std::uint32_t i = 0; i < count;) {
            std::uint64_t index = index_of(magazine_.oldest(i));
            const std::uint64_t word = index / word_blocks;
            std::uint64_t mask = 0;
            do {
                mask |= std::uint64_t{1} << (index % word_blocks);
                ++i;
                index = i < count ? index_of(magazine_.oldest(i)) : no_index;
            } while (index / word_blocks == word);
            free_blocks.give_back(static_cast<std::uint32_t>(word), mask);
        }
        magazine_.drop_oldest(count);
        claimed_ -= count;
        settle_floor();
    }

    MILLPOND_OUTLINE void flush() noexcept { give_back_oldest(flush_blocks); }

    void spill_front() noexcept {
        if (front_ == nullptr) {
            return;
        }
        const std::uint64_t index = index_of(front_);
        storage_.states()[index] = block_state::freed;
        bits().give_back(static_cast<std::uint32_t>(index / word_blocks),
                         std::uint64_t{1} << (index % word_blocks));
        front_ = nullptr;
        --claimed_;
        settle_floor();
    }

    /// Gives everything that waits back to the occupancy.
    void spill() noexcept {
        spill_front();
        give_back_oldest(magazine_.size());
    }

    /// Turns free blocks at the end back into fresh ones, so that their memory can go.
    void retract_frontier() noexcept;

    [[nodiscard]] std::size_t discard_blocks(std::uint32_t first, std::uint32_t end) noexcept {
        return first < end ? storage_.discard(first * storage_.stride_bytes(),
                                              end * storage_.stride_bytes())
                           : 0;
    }

    MILLPOND_SLOW_PATH void refuse_unless_null(const void* block) const noexcept {
        if (block != nullptr) {
            refuse(block);
        }
    }

    [[noreturn]] MILLPOND_SLOW_PATH void refuse(const void* block) const noexcept;

    void take_over(pool_core& other) noexcept {
        front_ = other.front_;
        magazine_ = other.magazine_;
        frontier_ = other.frontier_;
        claimed_ = other.claimed_;
        high_water_ = other.high_water_;
        failures_ = other.failures_;
        name_ = other.name_;
        gone_ = other.gone_;
        other.front_ = nullptr;
        other.magazine_.refill(0);
        other.frontier_ = 0;
        other.claimed_ = 0;
        other.gone_ = misuse::pool_moved_from;
    }

    void* front_ = nullptr; ///< a free block that is still marked live, or nullptr
    [[no_unique_address]] Storage storage_;
    magazine<MagazineEntries> magazine_;
    std::uint32_t frontier_ = 0; ///< blocks below were handed out to somebody or to the magazine
    std::uint32_t claimed_ = 0;  ///< blocks below the frontier that are not in the occupancy
    std::uint32_t high_water_ = 0;
    std::uint64_t failures_ = 0;
    pool_name name_;
    misuse gone_ = misuse::foreign; ///< why nothing can be freed any more; `foreign` while alive
};

} // namespace detail

MILLPOND_NAMESPACE_END

#include "millpond/pool/pool_core_cold.hpp" // IWYU pragma: export
