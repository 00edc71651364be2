// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The mechanism that every pool for one thread shares. A free block is in exactly one place:
///
///     allocate  <-  magazine    a stack of blocks freed lately
///               <-  current     the rest of the line of 64 blocks that was claimed last
///               <-  lines       all other lines with free blocks, the lowest first
///               <-  fresh       blocks from the frontier on: never handed out, no page touched
///
///     free      ->  magazine; when that is full, the block's line
///
///     claimed = live + height          height: blocks in the magazine
///     frontier = claimed + free blocks of all lines, current or not
///
/// Each block has a *position* (position.hpp), out of band, which a free writes: its place in the
/// magazine. An allocation from the magazine writes nothing, and yet any free can tell exactly
/// whether its block is live:
///
///     in the magazine  <=>  1 <= position <= height  and  magazine[position] == block
///     live             <=>  position is in use, and the block is not in the magazine
///
/// For a block that was popped and not freed since, the place is beyond the height, or another
/// block has been put there. Free blocks themselves are never read or written. Every path is a
/// fixed number of steps: nothing is moved in batches.
///
/// A line is in the set of lines while it has a block that was freed beyond the magazine and is not
/// in `current`. It is claimed only when magazine and current are empty, and then as a whole, so a
/// claim is never in vain and a free looks at one bit.
///
/// `high_water` is exact and costs the fast paths nothing. `claimed` grows only when the magazine is
/// empty, and then it *is* the number of live blocks; at all other times live blocks are fewer.
/// Hence the largest `claimed` ever seen is the peak.

#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/pool/block_source.hpp"
#include "millpond/pool/occupancy.hpp"
#include "millpond/pool/pool_view.hpp"
#include "millpond/pool/position.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <block_storage Storage, std::uint32_t Places, block_use Use = block_use::raw>
class pool_core {
    using position = position_for<Places>;

    static constexpr bool tracks_places = checked_build || Use == block_use::objects;

public:
    static constexpr std::uint64_t no_block = ~std::uint64_t{0}; ///< for what is no live block

    template <class... Arguments>
    explicit constexpr pool_core(pool_name name, Arguments&&... arguments)
        : storage_(static_cast<Arguments&&>(arguments)...) {
        ledger_.name = name;
        if (std::is_constant_evaluated()) {
            for (void*& place : magazine_) {
                place = nullptr;
            }
        }
        magazine_[Places + 1] = nullptr; // compared with, never written
    }

    /// The layout of a pool whose storage is to hold positions and lines.
    template <class Layout>
    [[nodiscard]] static constexpr Layout adapted(Layout layout) {
        layout.record_bytes = sizeof(position);
        layout.bit_blocks = word_blocks;
        return layout;
    }

    // --- the hot path -----------------------------------------------------------------------

    [[nodiscard]] void* try_allocate() noexcept {
        const std::uint32_t height = ledger_.height;
        if (height == 0) [[unlikely]] {
            return take_from_line();
        }
        void* const block = magazine_[height];
        ledger_.height = height - 1;
        unpoison(block, storage_.stride_bytes());
        return block;
    }

    /// A null pointer is ignored; anything that is not a live block stops the program.
    void deallocate(void* block) noexcept {
        if constexpr (tracks_places) {
            const std::uint64_t index = accept(block);
            if (index != no_block) [[likely]] {
                put_back(block, index);
            }
        } else if (block != nullptr) [[likely]] {
            put_back(block, storage_.index_of(block)); // which only a full magazine needs
        }
    }

    /// Takes a block back, for a caller that has other blocks too; does nothing and returns false
    /// for an address that is no live block of this pool.
    [[nodiscard]] bool try_deallocate(void* block) noexcept {
        const std::uint64_t index = storage_.index_of(block);
        if (checked_build ? is_live_at(block, index) : index < storage_.index_end()) [[likely]] {
            put_back(block, index);
            return true;
        }
        return false;
    }

    /// The index of a live block; `no_block` for a null pointer and for what a sweep has destroyed.
    /// Stops the program for anything else.
    [[nodiscard]] std::uint64_t accept(const void* block) const noexcept {
        const std::uint64_t index = storage_.index_of(block);
        if constexpr (checked_build) {
            if (!is_live_at(block, index)) [[unlikely]] {
                refuse_unless_ignored(block);
                return no_block;
            }
            return index;
        } else {
            return block != nullptr ? index : no_block;
        }
    }

    /// Makes an accepted block free.
    void put_back(void* block, std::uint64_t index) noexcept {
        poison(block, storage_.stride_bytes());
        const std::uint32_t height = ledger_.height;
        if (height == Places) [[unlikely]] {
            put_beyond(index);
            return;
        }
        ledger_.height = height + 1;
        if constexpr (tracks_places) {
            positions()[index] = to_position<position>(height + 1);
        }
        magazine_[height + 1] = block;
    }

    /// Refuses every further free of an accepted block until it is put back, while its destructor
    /// runs. False for what a sweep has destroyed: only an unchecked build accepts that.
    [[nodiscard]] bool begin_free(std::uint64_t index) noexcept {
        if (!checked_build && positions()[index] == to_position<position>(position_swept))
            [[unlikely]] {
            return false;
        }
        positions()[index] = to_position<position>(position_dying);
        return true;
    }

    // --- a sweep: every object is destroyed, each once, whatever their destructors destroy ------

    /// From here on a further free of a live block does nothing. Its block stays unused until the
    /// pool is cleared.
    void begin_sweep(const void* block) noexcept {
        positions()[storage_.index_of(block)] = to_position<position>(position_swept);
        --ledger_.claimed;
    }

    void finish_sweep(const void* block) noexcept { poison(block, storage_.stride_bytes()); }

    // --- bulk -------------------------------------------------------------------------------

    /// Fills as much of `out` as there are blocks, and returns how much.
    [[nodiscard]] std::size_t try_allocate_bulk(std::span<void*> out) noexcept {
        std::size_t count = 0;
        while (count < out.size() && ledger_.height != 0) {
            out[count++] = try_allocate();
        }
        while (count < out.size()) {
            if (ledger_.current.mask == 0 && !claim()) {
                (void)ledger_.count_failure();
                break;
            }
            do {
                out[count++] = take_current();
            } while (count < out.size() && ledger_.current.mask != 0);
        }
        return count;
    }

    /// True when `blocks` more can be live now, after growing if need be; false counts as a failure.
    [[nodiscard]] bool can_allocate(std::size_t blocks) noexcept {
        const bool can = with_view([blocks](pool_view view) { return view.can_allocate(blocks); });
        if (!can) {
            (void)ledger_.count_failure();
        }
        return can;
    }

    /// True when `blocks` can be live in all, after growing if need be.
    [[nodiscard]] bool can_hold(std::size_t blocks) noexcept {
        return blocks <= live() || can_allocate(blocks - live());
    }

    /// Gives blocks back to their lines, so that neighbours are handed out together again. Null
    /// pointers are ignored.
    void deallocate_bulk(std::span<void* const> blocks) noexcept {
        for (void* const block : blocks) {
            const std::uint64_t index = accept(block);
            if (index != no_block) [[likely]] {
                poison(block, storage_.stride_bytes());
                put_beyond(index);
            }
        }
    }

    // --- the whole pool ---------------------------------------------------------------------

    /// Forgets every block without looking at it; keeps the memory. O(metadata of used blocks).
    void clear() noexcept {
        poison(storage_.blocks(), std::size_t{ledger_.frontier} * storage_.stride_bytes());
        with_view([](pool_view view) { view.clear(); });
    }

    /// Gives the memory under free blocks back to the system; returns how many bytes.
    std::size_t shrink() noexcept {
        return with_view([](pool_view view) { return view.shrink(); });
    }

    [[nodiscard]] bool owns(const void* address) const noexcept { return storage_.owns(address); }

    [[nodiscard]] std::uint32_t live() const noexcept { return ledger_.claimed - ledger_.height; }

    /// No block from here on was ever handed out.
    [[nodiscard]] std::uint32_t frontier() const noexcept { return ledger_.frontier; }

    /// True only for a live block, and for most of them. The index is below the frontier.
    [[nodiscard]] bool is_surely_live(std::uint32_t index) const noexcept {
        static_assert(tracks_places);
        return is_beyond(positions()[index], ledger_.height);
    }

    /// True for the start of a live block, false for every other address.
    [[nodiscard]] bool is_live_block(const void* address) const noexcept {
        return is_live_at(address, storage_.index_of(address));
    }

    /// Which of 64 blocks from `first`, a multiple of 64, are live; none from the frontier on.
    [[nodiscard]] MILLPOND_OUTLINE std::uint64_t live_in(std::uint64_t first) const noexcept {
        if (first >= ledger_.frontier) {
            return 0;
        }
        const position* const line = positions() + first;
        return live_of_line(line,
                            storage_.records_end() - first,
                            tracks_places ? ledger_.height : Places + 1,
                            [&](std::uint32_t block) {
                                return is_in_magazine(block_at(first + block), line[block]);
                            });
    }

    [[nodiscard]] void* block_at(std::uint64_t index) const noexcept {
        return storage_.block_at(index);
    }

    /// Why an address is not a block to be freed, for a caller that has found that it is not live.
    [[nodiscard]] misuse_report report_on(const void* address) const noexcept {
        misuse_report report = storage_.report_on(address);
        report.pool_name = ledger_.name.c_str();
        if (ledger_.gone != misuse::foreign) {
            report.reason = ledger_.gone;
        } else if (report.reason == misuse::freed_twice &&
                   value_at(storage_.index_of(address)) == position_never) {
            report.reason = misuse::never_allocated;
        }
        return report;
    }

    [[nodiscard]] std::size_t stride_bytes() const noexcept { return storage_.stride_bytes(); }

    [[nodiscard]] const pool_name& name() const noexcept { return ledger_.name; }

    [[nodiscard]] Storage& storage() noexcept { return storage_; }

    [[nodiscard]] const Storage& storage() const noexcept { return storage_; }

    [[nodiscard]] pool_stats stats() const noexcept {
        return with_view([](const pool_view& view) { return view.stats(); });
    }

    [[nodiscard]] std::uint32_t high_water() const noexcept { return ledger_.high_water; }

    /// Checks every invariant above; O(capacity).
    [[nodiscard]] verdict verify() const noexcept {
        return with_view([](const pool_view& view) { return view.verify(); });
    }

    /// Takes over another pool's blocks; the other is left without any.
    pool_core(pool_core&& other) noexcept
        : ledger_(other.ledger_)
        , storage_(static_cast<Storage&&>(other.storage_)) {
        take_magazine(other);
    }

    pool_core& operator=(pool_core&& other) noexcept {
        ledger_ = other.ledger_;
        storage_ = static_cast<Storage&&>(other.storage_);
        take_magazine(other);
        return *this;
    }

    pool_core(const pool_core&) = delete;
    pool_core& operator=(const pool_core&) = delete;
    constexpr ~pool_core() = default;

    /// Marks the pool so that a later free is recognised; the last step of a pool's destructor.
    void retire() noexcept {
        storage_.unpoison_all();
        ledger_.end(misuse::pool_destroyed, storage_.capacity());
        storage_.retire();
        asm volatile("" : : "r"(this) : "memory"); // else the stores above are dropped
    }

private:
    static constexpr std::uint32_t prefetch_distance = 4; ///< in allocations

    [[nodiscard]] position* positions() const noexcept {
        return storage_.template records<position>();
    }

    [[nodiscard]] std::uint32_t value_at(std::uint64_t index) const noexcept {
        return value_of(positions()[index]);
    }

    [[nodiscard]] bool is_live_at(const void* block, std::uint64_t index) const noexcept {
        if (index >= storage_.index_end()) {
            return false;
        }
        const position at = positions()[index];
        return is_in_use(at) && !is_in_magazine(block, at);
    }

    [[nodiscard]] bool is_in_magazine(const void* block, position at) const noexcept {
        const auto place = static_cast<std::uint32_t>(at);
        if constexpr (tracks_places) {
            // Not &&: either is often true of a live block alone, and neither can be predicted.
            return (static_cast<unsigned>(magazine_[place] == block) &
                    static_cast<unsigned>(place <= ledger_.height)) != 0;
        } else {
            for (std::uint32_t other = ledger_.height; other != 0; --other) {
                if (magazine_[other] == block) {
                    return true;
                }
            }
            return false;
        }
    }

    /// Hands out the lowest block of the current line. The magazine is empty.
    [[nodiscard]] MILLPOND_OUTLINE void* take_from_line() noexcept {
        if (ledger_.current.mask == 0 && !claim()) [[unlikely]] {
            return ledger_.count_failure();
        }
        return take_current();
    }

    [[nodiscard]] void* take_current() noexcept {
        claimed_word& current = ledger_.current;
        const std::uint64_t index =
            std::uint64_t{current.word} * word_blocks + trailing_zeros(current.mask);
        current.mask &= current.mask - 1;
        positions()[index] = to_position<position>(Places + 1);
        const std::uint32_t claimed = ++ledger_.claimed;
        if (claimed > ledger_.high_water) {
            ledger_.high_water = claimed;
        }
        std::byte* const block = storage_.block_at(index);
        prefetch_for_write(block + prefetch_distance * storage_.stride_bytes());
        unpoison(block, storage_.stride_bytes());
        return block;
    }

    /// Makes another line the current one: the lowest that has free blocks, else fresh ones. False
    /// when nothing is free and the storage does not grow.
    [[nodiscard]] bool claim() noexcept {
        ledger_.current = claim_line(storage_.words(),
                                     storage_.shape(),
                                     positions(),
                                     storage_.records_end(),
                                     ledger_.frontier);
        return ledger_.current.mask != 0 || claim_fresh();
    }

    [[nodiscard]] MILLPOND_SLOW_PATH bool claim_fresh() noexcept {
        return with_view([](pool_view view) { return view.claim_fresh(); });
    }

    /// Frees an accepted block beyond the magazine.
    MILLPOND_OUTLINE void put_beyond(std::uint64_t index) noexcept {
        positions()[index] = to_position<position>(position_freed);
        --ledger_.claimed;
        const auto line = static_cast<std::uint32_t>(index / word_blocks);
        occupancy lines(storage_.words(), storage_.shape());
        if (!lines.contains(line)) {
            lines.insert(line);
        }
    }

    /// Stops the program unless the block is null or was destroyed by a sweep.
    MILLPOND_SLOW_PATH void refuse_unless_ignored(const void* block) const noexcept {
        const std::uint64_t index = storage_.index_of(block);
        const bool is_swept = ledger_.gone == misuse::foreign && index < storage_.capacity() &&
                              value_at(index) == position_swept;
        if (block != nullptr && !is_swept) {
            stop_on_misuse(report_on(block));
        }
    }

    /// Calls `use` with a view of the pool, which is changed only by functions that change it.
    template <class Function>
    decltype(auto) with_view(Function use) const {
        auto& self = const_cast<pool_core&>(*this); // NOLINT(cppcoreguidelines-pro-type-const-cast)
        source_of<typename Storage::erased> source(self.storage_);
        return use(pool_view{self.ledger_,
                             &self.magazine_[0],
                             Places,
                             tracks_places,
                             position_array(positions()),
                             storage_.records_end(),
                             occupancy(storage_.words(), storage_.shape()),
                             source});
    }

    void take_magazine(pool_core& other) noexcept {
        std::memcpy(magazine_, other.magazine_, sizeof magazine_);
        other.ledger_.end(misuse::pool_moved_from, 0);
    }

    pool_ledger ledger_;
    [[no_unique_address]] Storage storage_;
    /// Blocks at places 1 to `height`, the newest last. What lies beyond was never written, or is stale.
    void* magazine_[Places + 2];
};

} // namespace detail

MILLPOND_NAMESPACE_END
