// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// One range of address space that the size classes of a heap share, in *spans*: 1 to 64 KiB of blocks of
/// one class each.
///
///     [ reserved | records, downwards | entries | units, upwards | reserved ]
///                ^- committed -------------------------------^
///
///     unit      1 KiB; a span is 1, 2, 4, ... 64 of them and begins at a multiple of its size
///     entry     8 bytes for each unit: whose span it is, and where the span's record is
///     record    what is known of a span: its lines with free blocks, and a position for each block
///
/// So small classes share pages, a class costs a system call only when many have grown, and from any
/// address the way to its block is an entry and a multiplication.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/name.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/memory/region.hpp"
#include "millpond/pool/position.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

inline constexpr std::uint32_t span_unit_bytes = 1024;
inline constexpr std::uint32_t span_orders = 7; ///< a span of order n has 2^n units
inline constexpr std::size_t largest_span_bytes = std::size_t{span_unit_bytes} << (span_orders - 1);

/// What is known of a unit.
struct span_entry {
    std::uint32_t record = 0; ///< of a span: its distance below the entries, in record granules.
                              ///< Of a free unit that begins a run: the next such one, plus 1
    std::uint16_t offset_mask = 0; ///< bytes of the span or the run, less 1
    std::uint8_t owner = 0;        ///< the number of the class, plus 1; 0: free
    std::uint8_t was = 0;          ///< of a free unit in which a span began: its owner
};

/// What is known of a span; the positions of its blocks follow.
struct alignas(32) span_record {
    static constexpr std::uint32_t blocks_most = 64 * word_blocks; ///< a bit for each line

    /// Those with free blocks that are in no stack and not being handed out.
    std::uint64_t lines = 0;
    span_record* next = nullptr; ///< of the same class, while `lines` is not 0
    std::byte* blocks = nullptr;
    std::uint16_t granted = 0; ///< blocks that may be handed out
    std::uint16_t room = 0;    ///< blocks that fit
    std::uint8_t owner = 0;    ///< the number of the class

    [[nodiscard]] wide_position* positions() noexcept {
        return reinterpret_cast<wide_position*>(this + 1);
    }

    [[nodiscard]] std::uint32_t line_count() const noexcept {
        return (room + word_blocks - 1) / word_blocks;
    }

    /// The blocks of a line that are granted and free, wherever they wait.
    [[nodiscard]] std::uint64_t free_of_line(std::uint32_t line) noexcept {
        const std::uint32_t first = line * word_blocks;
        const std::uint64_t mask = of_line(positions() + first,
                                           positions_of(room) - first,
                                           [](const auto* sixteen) { return free_of_16(sixteen); });
        const std::uint32_t rest = granted > first ? granted - first : 0;
        return rest >= word_blocks ? mask : mask & ((std::uint64_t{1} << rest) - 1);
    }

    [[nodiscard]] std::uint32_t free_blocks() noexcept {
        std::uint32_t free = 0;
        for (std::uint32_t line = 0; line < line_count(); ++line) {
            free += static_cast<std::uint32_t>(std::popcount(free_of_line(line)));
        }
        return free;
    }

    /// Positions that may be read: one behind the last block's is there at least, and says that no
    /// block begins there.
    [[nodiscard]] static constexpr std::uint32_t positions_of(std::uint32_t blocks) noexcept {
        return static_cast<std::uint32_t>(round_up(std::size_t{blocks} + 1, position_group));
    }

    [[nodiscard]] static constexpr std::size_t bytes_for(std::uint32_t blocks) noexcept {
        return sizeof(span_record) + positions_of(blocks) * sizeof(wide_position);
    }
};

class span_space {
public:
    static constexpr std::size_t record_granule = sizeof(span_record);

    span_space() noexcept = default;

    /// Reserves `bytes` for units, a multiple of the largest span, and commits a little of it. Throws
    /// std::system_error.
    span_space(const pool_name& name,
               std::size_t bytes,
               const memory_options& memory,
               bool prefault);

    /// Bytes from the first unit on; more than there are for an address that is elsewhere.
    [[nodiscard]] std::uint64_t offset_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(units_);
    }

    [[nodiscard]] bool holds(std::uint64_t offset) const noexcept { return offset < bytes_; }

    [[nodiscard]] const span_entry& entry_at(std::uint64_t offset) const noexcept {
        return entries_[offset / span_unit_bytes];
    }

    [[nodiscard]] span_record* record_of(const span_entry& entry) const noexcept {
        return reinterpret_cast<span_record*>(reinterpret_cast<std::byte*>(entries_) -
                                              std::size_t{entry.record} * record_granule);
    }

    [[nodiscard]] std::uint32_t units_of(const span_record& span) const noexcept {
        return (std::uint32_t{entry_at(offset_of(span.blocks)).offset_mask} + 1) / span_unit_bytes;
    }

    // --- what is done rarely ------------------------------------------------------------------

    /// Whether a call may ask the system for more memory.
    enum class growth : bool { no, yes };

    /// Takes a span and its zeroed record, for `blocks` blocks of the class; nullptr when there is no
    /// room or the system refuses.
    [[nodiscard]] span_record*
    take(std::uint32_t order, std::uint32_t blocks, std::uint8_t owner, growth may_grow) noexcept;

    /// Takes zeroed memory like that of records, aligned to 32 bytes; nullptr when there is none.
    [[nodiscard]] std::byte* take_record(std::size_t bytes, growth may_grow) noexcept;

    void give_back_record(std::byte* record, std::size_t bytes) noexcept;

    /// True when nothing is taken.
    [[nodiscard]] bool is_empty() const noexcept { return used_units_ == 0 && records_out_ == 0; }

    /// Calls `use(record)` for every span, by address; `use` may free it through `give_back`.
    template <class Use>
    void for_each_span(Use use) const;

    /// Makes a span and its record free.
    void give_back(span_record* span) noexcept;

    /// Joins neighbouring units and records that are free. O(units).
    void join_free() noexcept;

    /// Returns whole pages under free units to the system; returns how many bytes were resident.
    [[nodiscard]] std::size_t discard_free() noexcept;

    /// Returns whole pages in a range of bytes from the first unit on to the system.
    [[nodiscard]] std::size_t discard(std::uint64_t first, std::uint64_t end) noexcept {
        return memory_.discard(units_offset_ + static_cast<std::size_t>(first),
                               units_offset_ + static_cast<std::size_t>(end));
    }

    /// Free units by the entries and by the lists, which must agree; a fault or nullptr.
    [[nodiscard]] const char* fault() const noexcept;

    [[nodiscard]] const region& memory() const noexcept { return memory_; }

    [[nodiscard]] int growth_error() const noexcept { return growth_error_; }

    /// Nobody has a block any more.
    void unpoison_all() const noexcept;

private:
    static constexpr std::uint32_t units_of_largest = 1U << (span_orders - 1);
    static constexpr std::uint32_t record_orders = 8 * sizeof(std::size_t);

    /// Free memory of records.
    struct free_record {
        free_record* next;
        std::size_t granules;
    };

    [[nodiscard]] std::uint32_t take_units(std::uint32_t order, growth may_grow) noexcept;
    void join_records() noexcept;
    void add_free(std::uint32_t unit, std::uint32_t order) noexcept;
    [[nodiscard]] bool commit_units(growth may_grow) noexcept;
    [[nodiscard]] bool commit_records(std::size_t bytes, growth may_grow) noexcept;
    void add_free_record(std::byte* place, std::size_t granules) noexcept;
    [[nodiscard]] bool is_free_run(std::uint32_t unit, std::uint32_t units) const noexcept;

    std::byte* units_ = nullptr; // what a free reads lies together
    std::size_t bytes_ = 0;      ///< of all units, used or not
    span_entry* entries_ = nullptr;
    std::uint32_t used_units_ = 0; ///< units from here on were never taken
    int growth_error_ = 0;
    std::size_t committed_bytes_ = 0;  ///< of units
    std::size_t record_bytes_ = 0;     ///< below the entries, used
    std::size_t records_out_ = 0;      ///< of those, in granules, taken and not given back
    std::size_t record_committed_ = 0; ///< usable
    std::size_t record_room_ = 0;      ///< reserved
    std::size_t units_offset_ = 0;     ///< of the first unit in the region
    std::size_t page_bytes_ = 1;
    /// The first free run of each order: its first unit, plus 1; 0: there is none.
    std::array<std::uint32_t, span_orders> free_units_{};
    std::array<free_record*, record_orders> free_records_{}; ///< by size, rounded down
    region memory_;
};

template <class Use>
void span_space::for_each_span(Use use) const {
    for (std::uint32_t unit = 0; unit < used_units_;) {
        const span_entry entry = entries_[unit];
        if (entry.owner == 0) {
            ++unit;
            continue;
        }
        use(*record_of(entry));
        unit += (std::uint32_t{entry.offset_mask} + 1) / span_unit_bytes;
    }
}

} // namespace detail

MILLPOND_NAMESPACE_END
