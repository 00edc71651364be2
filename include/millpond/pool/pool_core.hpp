// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The mechanism that every single-threaded pool shares. A free block is in exactly one place:
///
///     allocate  <-  front       one block, freed last and still marked live: serves free + allocate
///               <-  magazine    a ring of blocks freed lately, newest first
///               <-  current     the rest of the occupancy word that was claimed last
///               <-  gathered    the word that frees collect in, see below
///               <-  occupancy   bits of all other free blocks, lowest address first
///               <-  fresh       blocks from the frontier on: never handed out, no page touched
///
///     free      ->  front; when it is taken, the magazine; when that is full, its oldest block
///               ->  gathered    an occupancy word in the making, written when another word begins
///
///     capacity = live + front + magazine + current + gathered + occupancy + fresh
///
/// The state of each block is one byte out of band, written when the block enters or leaves the
/// magazine, so a free can tell exactly whether the block is live; for the front, which is still
/// marked live, one comparison tells. Free blocks themselves are never read or written. Every path
/// is a fixed number of steps: nothing is moved in batches.
///
/// `high_water` is exact and costs the fast paths nothing. `claimed_` counts the blocks that are
/// live, in the front or in the magazine. It grows only when front and magazine are empty, and then
/// it *is* the number of live blocks; at all other times live blocks are fewer. Hence the largest
/// `claimed_` ever seen is the peak.

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

/// What the core needs from the storage of blocks and metadata.
template <class Storage>
concept block_storage =
    requires(Storage& storage, const Storage& view, const void* address, std::uint64_t index) {
    { view.stride_bytes() } -> std::same_as<std::size_t>;
    { view.index_of(address) } -> std::same_as<std::uint64_t>; // no index for what is no block
    { view.block_at(index) } -> std::same_as<std::byte*>;
    { view.owns(address) } -> std::same_as<bool>;
    { view.report_on(address) } -> std::same_as<misuse_report>; // why it is no block to be freed
    { view.states() } -> std::same_as<block_state*>;  // max_capacity() states, padded to 8
    { view.words() } -> std::same_as<std::uint64_t*>; // shape().words words
    { view.shape() } -> std::same_as<const occupancy_shape&>;
    { view.capacity() } -> std::convertible_to<std::uint32_t>;     // beyond the last index in use
    { view.max_capacity() } -> std::convertible_to<std::uint32_t>; // hard limit
    { storage.grow() } -> std::same_as<block_range>; // commits more; empty when it cannot
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
        if (!magazine_.empty()) [[likely]] {
            return take();
        }
        return take_from_word();
    }

    /// A null pointer is ignored; anything that is not a live block stops the program.
    void deallocate(void* block) noexcept {
        std::uint64_t index; // set by accept()
        if (accept(block, index)) [[likely]] {
            put_back(block, index);
        }
    }

    /// Takes a block back, for a caller that has other blocks too; does nothing and returns false
    /// for an address that is no live block of this pool.
    [[nodiscard]] bool try_deallocate(void* block) noexcept {
        const std::uint64_t index = index_of(block);
        if (index < storage_.max_capacity() &&
            (!checked_build || storage_.states()[index] == block_state::live)) [[likely]] {
            put_back(block, index);
            return true;
        }
        return false;
    }

    /// True for a block that is marked live, and sets its index; false for a null pointer and for
    /// what a sweep has destroyed. Stops the program for anything else. The front is marked live
    /// too: see `is_front`.
    [[nodiscard]] bool accept(const void* block, std::uint64_t& index) const noexcept {
        index = index_of(block);
        if constexpr (checked_build) {
            if (index < storage_.max_capacity() && storage_.states()[index] == block_state::live)
                [[likely]] {
                return true;
            }
            refuse_unless_ignored(block);
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
            evict();
        }
        magazine_.push(block);
    }

    /// Refuses every further free of an accepted block until `finish_free`, while its destructor
    /// runs. False for what a sweep has destroyed: only an unchecked build accepts that.
    [[nodiscard]] bool begin_free(const void* block, std::uint64_t index) noexcept {
        if (!checked_build && storage_.states()[index] == block_state::swept) [[unlikely]] {
            return false;
        }
        refuse_front(block);
        storage_.states()[index] = block_state::freed;
        return true;
    }

    void finish_free(void* block, std::uint64_t index) noexcept {
        storage_.states()[index] = block_state::live;
        put_back(block, index);
    }

    // --- a sweep: every object is destroyed, each once, whatever their destructors destroy ------

    /// From here on a further free of a live block does nothing. Returns its index.
    [[nodiscard]] std::uint64_t begin_sweep(const void* block) noexcept {
        const std::uint64_t index = index_of(block);
        storage_.states()[index] = block_state::swept;
        return index;
    }

    void finish_sweep(const void* block, std::uint64_t index) noexcept {
        poison(block, storage_.stride_bytes());
        gather(index);
    }

    // --- bulk -------------------------------------------------------------------------------

    /// Fills as much of `out` as there are blocks, and returns how much.
    [[nodiscard]] std::size_t try_allocate_bulk(std::span<void*> out) noexcept;

    /// True when `blocks` more can be live now, after growing if need be; false counts as a failure.
    [[nodiscard]] bool can_allocate(std::size_t blocks) noexcept;

    /// True when `blocks` can be live in all, after growing if need be.
    [[nodiscard]] bool can_hold(std::size_t blocks) noexcept;

    /// Gives blocks back, a whole word at a time where they are neighbours. Null pointers are
    /// ignored.
    void deallocate_bulk(std::span<void* const> blocks) noexcept;

    // --- the whole pool ---------------------------------------------------------------------

    /// Forgets every block without looking at it; keeps the memory. O(metadata of used blocks).
    void clear() noexcept;

    /// Gives the memory under free blocks back to the system; returns how many bytes.
    std::size_t shrink() noexcept;

    [[nodiscard]] bool owns(const void* address) const noexcept { return storage_.owns(address); }

    [[nodiscard]] std::uint32_t live() const noexcept {
        return claimed_ - magazine_.size() - (front_ != nullptr ? 1U : 0U);
    }

    /// No block from here on was ever handed out.
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

    /// True for the start of a live block, false for every other address.
    [[nodiscard]] bool is_live_block(const void* address) const noexcept {
        const std::uint64_t index = index_of(address);
        return index < storage_.capacity() && is_live(static_cast<std::uint32_t>(index));
    }

    /// Which of 64 blocks from `first`, a multiple of 64, are marked live; none from the frontier on.
    /// The lowest bits of eight state bytes at a time become neighbours by one multiplication.
    [[nodiscard]] MILLPOND_OUTLINE std::uint64_t marked_live(std::uint64_t first) const noexcept {
        const std::uint64_t rest = first < frontier_ ? frontier_ - first : 0;
        const std::uint64_t blocks = rest < word_blocks ? rest : word_blocks;
        std::uint64_t mask = 0;
        for (std::uint32_t i = 0; i < blocks; i += 8) {
            std::uint64_t eight; // copied into below
            std::memcpy(&eight, storage_.states() + first + i, sizeof eight);
            if constexpr (std::endian::native == std::endian::big) {
                eight = __builtin_bswap64(eight);
            }
            mask |= ((eight & 0x0101010101010101U) * 0x0102040810204080U >> 56) << i;
        }
        return mask;
    }

    [[nodiscard]] void* block_at(std::uint64_t index) const noexcept {
        return storage_.block_at(index);
    }

    /// Why an address is not a block to be freed, for a caller that asks before it is refused; sets
    /// `is_live` for a live block.
    [[nodiscard]] misuse_report report_on(const void* address, bool& is_live) const noexcept;

    [[nodiscard]] std::size_t stride_bytes() const noexcept { return storage_.stride_bytes(); }

    [[nodiscard]] const pool_name& name() const noexcept { return name_; }

    [[nodiscard]] Storage& storage() noexcept { return storage_; }

    [[nodiscard]] const Storage& storage() const noexcept { return storage_; }

    [[nodiscard]] pool_stats stats() const noexcept;

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

    /// Marks the pool so that a later free is recognised; the last step of a pool's destructor.
    void retire() noexcept;

private:
    static constexpr std::uint32_t prefetch_distance = 4; ///< in allocations

    [[nodiscard]] occupancy bits() const noexcept { return {storage_.words(), storage_.shape()}; }

    [[nodiscard]] std::uint64_t index_of(const void* block) const noexcept {
        return storage_.index_of(block);
    }

    /// Hands out the magazine's newest block. The magazine is not empty.
    [[nodiscard]] void* take() noexcept {
        void* const block = magazine_.pop();
        prefetch_for_write(magazine_.peek(prefetch_distance));
        storage_.states()[index_of(block)] = block_state::live;
        unpoison(block, storage_.stride_bytes());
        return block;
    }

    /// Hands out the lowest block of the current word. Front and magazine are empty.
    [[nodiscard]] MILLPOND_OUTLINE void* take_from_word() noexcept {
        if (current_.mask == 0 && !claim()) [[unlikely]] {
            return count_failure();
        }
        return take_current();
    }

    [[nodiscard]] void* take_current() noexcept {
        const std::uint32_t index = current_.word * word_blocks +
                                    static_cast<std::uint32_t>(std::countr_zero(current_.mask));
        current_.mask &= current_.mask - 1;
        storage_.states()[index] = block_state::live;
        ++claimed_;
        if (claimed_ > high_water_) {
            high_water_ = claimed_;
        }
        auto* const block = static_cast<std::byte*>(block_at(index));
        prefetch_for_write(block + prefetch_distance * storage_.stride_bytes());
        unpoison(block, storage_.stride_bytes());
        return block;
    }

    /// Makes another word the current one: the gathered one, whose blocks were freed not long ago,
    /// else the lowest with free blocks, else fresh ones. False when nothing is free and the storage
    /// does not grow.
    [[nodiscard]] bool claim() noexcept {
        if (storage_.max_capacity() == 0) {
            return false; // moved from or destroyed: there are no words
        }
        if (gathered_.mask != 0) {
            current_ = gathered_;
            gathered_.mask = 0;
            return true;
        }
        current_ = bits().claim();
        if (current_.mask != 0) {
            return true;
        }
        if constexpr (instrumented && requires { storage_.poison_all(); }) {
            if (frontier_ == 0) { // nobody has a block
                storage_.poison_all();
            }
        }
        if (frontier_ == storage_.capacity()) {
            const block_range more = storage_.grow();
            if (more.empty()) {
                return false;
            }
            if constexpr (leaves_gaps<Storage>) {
                if (more.first != frontier_) { // the gap of a chunk that shrink() returned
                    give_back_all(more);
                    current_ = bits().claim();
                    return true;
                }
            }
        }
        const std::uint32_t in_word = frontier_ % word_blocks;
        const std::uint32_t to_word_end = word_blocks - in_word;
        const std::uint32_t to_capacity = storage_.capacity() - frontier_;
        const std::uint32_t fresh = to_word_end < to_capacity ? to_word_end : to_capacity;
        current_ = {frontier_ / word_blocks,
                    (~std::uint64_t{0} >> (word_blocks - fresh)) << in_word};
        frontier_ += fresh;
        return true;
    }

    /// Makes room in the full magazine.
    MILLPOND_OUTLINE void evict() noexcept { gather(index_of(magazine_.pop_oldest())); }

    /// There is no block. Stops the program if that is because the pool is destroyed.
    MILLPOND_SLOW_PATH void* count_failure() noexcept;

    /// Moves a block, marked freed, towards the occupancy.
    void gather(std::uint64_t index) noexcept {
        const auto word = static_cast<std::uint32_t>(index / word_blocks);
        --claimed_;
        if (word != gathered_.word) {
            flush_gathered();
            gathered_.word = word;
        }
        gathered_.mask |= std::uint64_t{1} << (index % word_blocks);
    }

    /// Frees a range of blocks that nobody has.
    void give_back_all(block_range blocks) noexcept {
        for_each_word(blocks, [this](std::uint32_t word, std::uint64_t mask) {
            bits().give_back(word, mask);
        });
    }

    void take_out(block_range blocks) noexcept;

    void flush_gathered() noexcept {
        if (gathered_.mask != 0) {
            bits().give_back(gathered_.word, gathered_.mask);
            gathered_.mask = 0;
        }
    }

    void spill_front() noexcept;

    /// Gives everything that waits back to the occupancy.
    void spill() noexcept;

    [[nodiscard]] bool is_waiting(std::uint32_t index) const noexcept;

    /// Turns free blocks at the end back into fresh ones, so that their memory can go.
    void retract_frontier() noexcept;

    [[nodiscard]] std::size_t discard_blocks(std::uint64_t first, std::uint64_t end) noexcept;

    /// Stops the program unless the block is null or was destroyed by a sweep.
    MILLPOND_SLOW_PATH void refuse_unless_ignored(const void* block) const noexcept {
        const std::uint64_t index = index_of(block);
        const bool is_swept = gone_ == misuse::foreign && index < storage_.capacity() &&
                              storage_.states()[index] == block_state::swept;
        if (block != nullptr && !is_swept) {
            refuse(block);
        }
    }

    [[noreturn]] MILLPOND_SLOW_PATH void refuse(const void* block) const noexcept;

    void take_over(pool_core& other) noexcept;

    void* front_ = nullptr; ///< a free block that is still marked live, or nullptr
    [[no_unique_address]] Storage storage_;
    occupancy::claimed_word current_;  ///< free blocks taken out of the occupancy, or fresh
    occupancy::claimed_word gathered_; ///< free blocks on their way into the occupancy
    std::uint32_t frontier_ = 0;       ///< blocks from here on are fresh
    std::uint32_t claimed_ = 0;        ///< live + front + magazine
    std::uint32_t high_water_ = 0;     ///< the largest claimed_ ever
    std::uint64_t failures_ = 0;
    pool_name name_;
    misuse gone_ = misuse::foreign; ///< why nothing can be freed any more; `foreign` while alive
    magazine<MagazineEntries> magazine_;
};

} // namespace detail

MILLPOND_NAMESPACE_END

#include "millpond/pool/pool_core_cold.hpp" // IWYU pragma: export
