// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The mechanism of an arena: a position that moves through one region, a list of what to destroy when
/// it moves back, and what is needed to see that it may.
///
///     | block | record, object | block | padding | block |  free, poisoned  |  reserved
///     ^ first                                            ^ top              ^ end
///
/// An allocation moves `top` up, a rewind moves it down. The largest size is looked at only when the
/// position moves down, so it is exact and costs an allocation nothing.

#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/instrument.hpp"
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

class arena_core {
public:
    /// A state to go back to.
    struct point {
        std::byte* position = nullptr;
        arena_record* newest = nullptr;
        std::uint64_t rewinds = 0; ///< how many there had been
    };

    /// The same, with the arena that it is a state of.
    struct mark {
        const arena_core* home = nullptr;
        point at{};
    };

    arena_core(const pool_name& name, const block_room& room, const memory_options& memory);

    arena_core(const arena_core&) = delete;
    arena_core& operator=(const arena_core&) = delete;

    /// Destroys what is left; a rewind or a free that comes later is recognised.
    ~arena_core();

    /// `bytes` at an aligned address, with `before` bytes of the arena right before them; or nullptr.
    [[nodiscard]] std::byte*
    take(std::size_t before, std::size_t bytes, std::size_t alignment) noexcept {
        const std::size_t skip = distance(before, alignment);
        const std::size_t room = capacity() - size();
        if (bytes <= room && skip <= room - bytes) [[likely]] {
            return take_here(skip, bytes);
        }
        return take_slow(before, bytes, alignment);
    }

    /// For what is too much for any arena.
    void count_failure() noexcept { ++failures_; }

    /// Gives bytes back if they lie on top and above the newest mark. Stops the program for what is not
    /// in use, but for a null pointer.
    void give_back(void* block, std::size_t bytes) noexcept {
        const std::size_t offset = offset_of(block);
        if constexpr (checked_build) {
            if (offset >= size() || bytes > size() - offset) [[unlikely]] {
                refuse_unless_null(block);
                return;
            }
        }
        auto* const first = static_cast<std::byte*>(block);
        if (offset + bytes == size() && first >= free_limit_) {
            lower(first);
        }
    }

    [[nodiscard]] point here() const noexcept { return {top_, newest_, history_.count()}; }

    /// `here`, for a caller to go back to: a free gives back nothing that is older.
    [[nodiscard]] mark take_mark() noexcept {
        free_limit_ = top_;
        return {this, here()};
    }

    /// Destroys what was enlisted since the mark, and frees what was taken since.
    void rewind(const mark& to) noexcept;

    void clear() noexcept { rewind({this, {first_, nullptr, history_.count()}}); }

    /// Goes back because a constructor has thrown.
    MILLPOND_SLOW_PATH void undo(const point& before) noexcept;

    /// The newest record, as the next refers to it.
    [[nodiscard]] sealed_offset link() const noexcept {
        return sealed_offset(newest_ == nullptr ? sealed_offset::none : offset_of(newest_));
    }

    /// Writes the record of the object at `place`, and poisons it: only the arena reads it. Nor does a
    /// free give back what has one.
    template <class Record>
    void enlist(std::byte* place, const Record& filled) noexcept {
        std::byte* const record = place - sizeof(Record);
        unpoison(record, sizeof(Record));
        newest_ = ::new (record) Record(filled);
        poison(record, sizeof(Record));
        free_limit_ = top_;
    }

    /// Stops the program when an object's constructor has given the object's own memory back.
    void require_kept(const std::byte* place, const point& before) const noexcept {
        if constexpr (checked_build) {
            if (history_.passed(place, before.rewinds)) [[unlikely]] {
                refuse_construction(place);
            }
        }
    }

    void require_alignment(std::size_t alignment) const noexcept {
        if constexpr (checked_build) {
            if (alignment == 0 || (alignment & (alignment - 1)) != 0) [[unlikely]] {
                refuse_alignment(alignment);
            }
        }
    }

    [[nodiscard]] std::size_t size() const noexcept {
        return static_cast<std::size_t>(top_ - first_);
    }

    [[nodiscard]] std::size_t capacity() const noexcept {
        return static_cast<std::size_t>(end_ - first_);
    }

    [[nodiscard]] std::size_t max_capacity() const noexcept { return max_capacity_; }

    [[nodiscard]] std::size_t high_water() const noexcept { return std::max(peak_, size()); }

    [[nodiscard]] const pool_name& name() const noexcept { return name_; }

    /// Above every size for an address below the first.
    [[nodiscard]] std::size_t offset_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(first_);
    }

    /// Commits until so many bytes fit; false when the system refuses. At most max_capacity().
    [[nodiscard]] bool grow_to(std::size_t bytes) noexcept;

    [[nodiscard]] std::size_t shrink() noexcept;
    [[nodiscard]] pool_stats stats() const noexcept;
    [[nodiscard]] verdict verify() const noexcept;

    [[noreturn]] MILLPOND_SLOW_PATH void throw_full(std::size_t bytes) const;

private:
    /// How far from the top it is to an aligned address with `before` bytes between.
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
    [[noreturn]] MILLPOND_SLOW_PATH void refuse_alignment(std::size_t alignment) const noexcept;
    [[noreturn]] MILLPOND_SLOW_PATH void refuse_construction(const void* place) const noexcept;
    MILLPOND_SLOW_PATH void refuse_unless_null(const void* block) const noexcept;

    std::byte* top_ = nullptr;       ///< first_ <= top_ <= end_; all from here on is free
    std::byte* end_ = nullptr;       ///< of what is committed
    std::byte* first_ = nullptr;     ///< nullptr once destroyed
    arena_record* newest_ = nullptr; ///< where the list of what to destroy begins
    std::byte* free_limit_ =
        nullptr; ///< the newest mark or record: a free gives back nothing below
    std::byte* rewind_limit_ = nullptr; ///< no rewind goes below: first_, or the top as it was when
                                        ///< destructors began to run
    std::size_t peak_ = 0;              ///< the largest size that has ended
    std::size_t max_capacity_ = 0;
    std::uint64_t failures_ = 0;
    int growth_error_ = 0; ///< errno of the last refused growth
    pool_name name_;
    region region_;
    rewind_history history_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
