// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The mechanism of an arena: a position that moves through one region, a list of what to destroy
/// when it moves back, and the checks that it may.
///
///     | block | record, object | block | padding | block |  free, poisoned  |  reserved
///     ^ first                                            ^ top              ^ end
///
/// An allocation moves `top` up, a rewind moves it down. The largest size is looked at only when the
/// position moves down, so it is exact and costs an allocation nothing.
///
/// With an upstream the region is the first of several chunks, and the position is in one of them.
/// Older chunks are in use up to where they were left; newer ones are free, and kept for later:
///
///     own region  <->  chunk  <->  chunk with `top`  <->  kept  <->  kept
///     | in use |       | in use |  | in use | free |     | free |   | free |
///
///     size = what is in use of the chunks up to the current one
///     capacity = size + what is free of the current chunk + the kept ones

#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/memory_resource.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/region.hpp"
#include "millpond/pool/arena_record.hpp"
#include "millpond/pool/region_storage.hpp"
#include "millpond/pool/rewind_history.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// A piece of an arena's memory: its own region, or one from upstream that begins with this.
struct arena_chunk {
    arena_chunk* older = nullptr; ///< nullptr for the own region
    arena_chunk* newer = nullptr;
    std::byte* first = nullptr;
    std::byte* top = nullptr; ///< end of what is in use, unless this is the current chunk
    std::byte* end = nullptr; ///< never where another chunk begins
    std::size_t below = 0;    ///< bytes in use in older chunks, when this or a newer one is current
    std::size_t from_upstream = 0; ///< bytes

    [[nodiscard]] std::size_t bytes() const noexcept {
        return static_cast<std::size_t>(end - first);
    }
};

class arena_core {
public:
    /// A state to go back to.
    struct point {
        std::byte* position = nullptr;
        arena_record* newest = nullptr;
        std::uint64_t rewinds = 0; ///< how many there had been
    };

    /// A state to go back to, with the arena that it is a state of.
    struct mark {
        const arena_core* home = nullptr;
        point at{};
    };

    arena_core(const pool_name& name,
               const block_room& room,
               const memory_options& memory,
               memory_resource* upstream);

    arena_core(const arena_core&) = delete;
    arena_core& operator=(const arena_core&) = delete;

    /// Destroys what is left; a rewind or a free that comes later is recognised.
    ~arena_core();

    /// Returns `bytes` at an aligned address, with `before` bytes of the arena right before them;
    /// or nullptr.
    [[nodiscard]] std::byte*
    take(std::size_t before, std::size_t bytes, std::size_t alignment) noexcept {
        const std::size_t skip = distance(before, alignment);
        const auto room = static_cast<std::size_t>(end_ - top_);
        if (bytes <= room && skip <= room - bytes) [[likely]] {
            return take_here(skip, bytes);
        }
        return take_slow(before, bytes, alignment);
    }

    /// Counts a request that is too large for any arena.
    void count_failure() noexcept { ++failures_; }

    /// Gives bytes back if they lie on top and above the newest mark. A null pointer is ignored;
    /// any other address that is not in use stops the program.
    void give_back(void* block, std::size_t bytes) noexcept {
        const std::size_t offset = offset_of(block);
        const std::size_t used = used_here();
        if constexpr (checked_build) {
            if (offset >= used || bytes > used - offset) [[unlikely]] {
                refuse_unless_older(block, bytes);
                return;
            }
        }
        auto* const first = static_cast<std::byte*>(block);
        if (offset + bytes == used && first >= free_limit_) {
            lower(first);
        }
    }

    [[nodiscard]] point here() const noexcept { return {top_, newest_, history_.count()}; }

    /// Returns `here` for a caller to go back to: a later free gives back nothing that is older.
    [[nodiscard]] mark take_mark() noexcept {
        free_limit_ = top_;
        return {this, here()};
    }

    /// Destroys what was enlisted since the mark, and frees what was taken since.
    void rewind(const mark& to) noexcept;

    void clear() noexcept { rewind({this, {own_.first, nullptr, history_.count()}}); }

    /// Goes back after a constructor has thrown.
    MILLPOND_SLOW_PATH void undo(const point& before) noexcept;

    /// The link to the newest record, as the next record holds it.
    [[nodiscard]] sealed_offset link() const noexcept {
        return sealed_offset(newest_ == nullptr
                                 ? sealed_offset::none
                                 : reinterpret_cast<std::uintptr_t>(newest_) - origin());
    }

    /// Writes the record of the object at `place`, and poisons it: only the arena reads it. From
    /// now on no free gives the object back.
    template <class Record>
    void enlist(std::byte* place, const Record& filled) noexcept {
        std::byte* const record = place - sizeof(Record);
        unpoison(record, sizeof(Record));
        newest_ = ::new (record) Record(filled);
        poison(record, sizeof(Record));
        free_limit_ = top_;
    }

    /// Stops the program when an object's constructor has freed the object's own memory.
    void require_kept(const std::byte* place, const point& before) const noexcept {
        if constexpr (checked_build) {
            if (before.rewinds != history_.count() &&
                history_.passed(size_at(place), before.rewinds)) [[unlikely]] {
                refuse_construction(place);
            }
        }
    }

    [[nodiscard]] std::size_t size() const noexcept { return below_ + used_here(); }

    [[nodiscard]] std::size_t capacity() const noexcept {
        return below_ + static_cast<std::size_t>(end_ - first_) + kept_bytes_;
    }

    /// Bytes that the arena may grow to; with an upstream, whose limit is unknown, more than any
    /// memory has.
    [[nodiscard]] std::size_t max_capacity() const noexcept {
        return upstream_ != nullptr ? most_bytes : max_capacity_;
    }

    [[nodiscard]] std::size_t high_water() const noexcept { return std::max(peak_, size()); }

    [[nodiscard]] const pool_name& name() const noexcept { return name_; }

    /// True for an address in the own region or in a chunk.
    [[nodiscard]] bool owns(const void* address) const noexcept;

    /// Makes room for `bytes` in use; false beyond max_capacity, or when no memory is available.
    [[nodiscard]] bool reserve(std::size_t bytes) noexcept;

    [[nodiscard]] std::size_t shrink() noexcept;

    [[nodiscard]] memory_resource* upstream() const noexcept { return upstream_; }

    [[nodiscard]] pool_stats stats() const noexcept;
    [[nodiscard]] verdict verify() const noexcept;

    /// Checks the chunks only.
    [[nodiscard]] verdict verify_chunks() const noexcept;

    [[noreturn]] MILLPOND_SLOW_PATH void throw_full(std::size_t bytes) const;

private:
    static constexpr std::size_t most_bytes = SIZE_MAX / 4;
    static constexpr std::size_t nowhere = SIZE_MAX;

    /// Offset in the current chunk; above every size for an address below the chunk's first.
    [[nodiscard]] std::size_t offset_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(first_);
    }

    [[nodiscard]] std::size_t used_here() const noexcept {
        return static_cast<std::size_t>(top_ - first_);
    }

    /// The address from which the links between records are counted.
    [[nodiscard]] std::uintptr_t origin() const noexcept {
        return reinterpret_cast<std::uintptr_t>(own_.first);
    }

    /// Bytes in use below a position; `nowhere` for a position that is not in use.
    [[nodiscard]] std::size_t size_at(const std::byte* position) const noexcept {
        const std::size_t offset = offset_of(position);
        return offset <= used_here() ? below_ + offset : size_in_older(position);
    }

    [[nodiscard]] MILLPOND_SLOW_PATH std::size_t
    size_in_older(const std::byte* position) const noexcept;

    /// Commits until the own region has `bytes`; false when the system refuses. At most
    /// max_capacity_, and only while the position is in that region.
    [[nodiscard]] bool grow_to(std::size_t bytes) noexcept;

    /// Takes a chunk with room for `bytes` from upstream and puts it after `before`; nullptr when
    /// there is none.
    [[nodiscard]] arena_chunk* add_chunk(arena_chunk& before, std::size_t bytes) noexcept;

    /// Goes on in the chunk after the current one.
    void step_forward() noexcept;

    /// Goes back to where the chunk before the current one was left; the current one is kept.
    MILLPOND_SLOW_PATH void step_back() noexcept;

    /// Gives the kept chunks back to the upstream; returns their bytes.
    std::size_t return_kept() noexcept;

    [[nodiscard]] std::byte*
    take_in_chunk(std::size_t before, std::size_t bytes, std::size_t alignment) noexcept;

    /// The distance from the top to an aligned address with `before` bytes in between.
    [[nodiscard]] std::size_t distance(std::size_t before, std::size_t alignment) const noexcept {
        const auto earliest = reinterpret_cast<std::uintptr_t>(top_) + before;
        return before + ((0 - earliest) & (alignment - 1));
    }

    [[nodiscard]] std::byte* take_here(std::size_t skip, std::size_t bytes) noexcept {
        std::byte* const place = top_ + skip;
        unpoison(place, bytes);
        top_ = place + bytes;
        return place;
    }

    [[nodiscard]] MILLPOND_SLOW_PATH std::byte*
    take_slow(std::size_t before, std::size_t bytes, std::size_t alignment) noexcept;

    void lower(std::byte* position) noexcept {
        peak_ = high_water();
        poison(position, static_cast<std::size_t>(top_ - position));
        top_ = position;
    }

    [[nodiscard]] bool is_current(const point& at) const noexcept;
    void go_back(point to) noexcept;
    MILLPOND_OUTLINE void destroy_since(const point& to) noexcept;
    [[nodiscard]] bool follow(sealed_offset link, arena_record*& found) const noexcept;
    [[nodiscard]] static arena_record copy_of(const arena_record* record) noexcept;

    [[noreturn]] MILLPOND_SLOW_PATH void refuse_record(const arena_record* record) const noexcept;
    [[noreturn]] MILLPOND_SLOW_PATH void refuse_mark(const mark& refused) const noexcept;
    [[noreturn]] MILLPOND_SLOW_PATH void refuse_construction(const void* place) const noexcept;
    MILLPOND_SLOW_PATH void refuse_unless_older(const void* block,
                                                std::size_t bytes) const noexcept;

    std::byte* top_ = nullptr;       ///< first_ <= top_ <= end_; everything from here on is free
    std::byte* end_ = nullptr;       ///< of the committed part of the current chunk
    std::byte* first_ = nullptr;     ///< of the current chunk; nullptr once destroyed
    std::size_t below_ = 0;          ///< bytes in use in older chunks
    arena_record* newest_ = nullptr; ///< where the list of what to destroy begins
    std::byte* free_limit_ =
        nullptr; ///< the newest mark or record: a free gives back nothing below
    std::size_t rewind_limit_ =
        0;                 ///< no rewind goes below: 0, or the size when destructors began to run
    std::size_t peak_ = 0; ///< the largest size that has ended
    std::size_t max_capacity_ = 0; ///< of the own region
    std::size_t kept_bytes_ = 0;   ///< of the chunks behind the current one
    arena_chunk own_;              ///< the own region
    arena_chunk* current_ = &own_; ///< where the position is
    memory_resource* upstream_;
    std::uint64_t failures_ = 0;
    int growth_error_ = 0; ///< errno of the last refused growth
    pool_name name_;
    region region_;
    rewind_history history_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
