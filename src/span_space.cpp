// SPDX-License-Identifier: MIT
/// \file
/// Taking spans and records from a space, and giving them back.

#include "millpond/pool/span_space.hpp"

#include "millpond/base/instrument.hpp"
#include "millpond/pool/block_memory.hpp"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "os.hpp"

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

/// Committed at first: enough for a few classes. Then as much again, up to the second figure, and later
/// an eighth.
constexpr std::size_t first_commit_bytes = std::size_t{64} << 10;
constexpr std::size_t doubling_ends = std::size_t{2} << 20;

/// Records of a space: two bytes for each block of 8, and what else lies there.
constexpr std::size_t records_share = 4;
constexpr std::size_t records_least = std::size_t{128} << 10;

/// What 32 bits of an entry can lead to.
constexpr std::uint64_t record_bytes_most = std::uint64_t{64} << 30;

std::size_t next_step(std::size_t committed) noexcept {
    return growth_step(committed, std::clamp(committed, first_commit_bytes, doubling_ends));
}

std::uint32_t order_of(const span_entry& entry) noexcept {
    return static_cast<std::uint32_t>(
        std::countr_zero((std::uint32_t{entry.offset_mask} + 1) / span_unit_bytes));
}

} // namespace

span_space::span_space(const pool_name& name,
                       std::size_t bytes,
                       const memory_options& memory,
                       bool prefault) {
    page_bytes_ = os::page_bytes(memory.pages == page_size::transparent_huge ? page_size::huge_2mib
                                                                             : memory.pages);
    bytes_ = round_up(bytes, page_bytes_);
    const std::uint64_t records =
        std::min<std::uint64_t>(bytes / records_share + records_least, record_bytes_most);
    record_room_ = round_up(static_cast<std::size_t>(records), page_bytes_);
    const std::size_t entry_bytes =
        round_up(bytes_ / span_unit_bytes * sizeof(span_entry), page_bytes_);
    units_offset_ = record_room_ + entry_bytes;
    mapping_options mapping;
    mapping.name = name;
    mapping.bytes = units_offset_ + bytes_;
    mapping.pages = memory.pages;
    mapping.huge_page_fallback = memory.huge_page_fallback;
    mapping.guard_pages = memory.guard_pages;
    mapping.prefault = prefault;
    memory_ = region::mapped(mapping);
    page_bytes_ = memory_.page_bytes(); // perhaps smaller ones
    record_committed_ = round_up(first_commit_bytes, page_bytes_);
    committed_bytes_ = record_committed_;
    const std::size_t first = record_room_ - record_committed_;
    const std::size_t end = units_offset_ + committed_bytes_;
    if (const int error = memory_.commit(first, end); error != 0) {
        throw_os_refusal(name.c_str(), os_request::commit, end - first, page_bytes_, error);
    }
    units_ = memory_.data() + units_offset_;
    entries_ = reinterpret_cast<span_entry*>(memory_.data() + record_room_);
}

// --- units ----------------------------------------------------------------------------------------

void span_space::add_free(std::uint32_t unit, std::uint32_t order) noexcept {
    const auto bytes = static_cast<std::uint32_t>(span_unit_bytes << order);
    entries_[unit] = {.record = free_units_[order],
                      .offset_mask = static_cast<std::uint16_t>(bytes - 1),
                      .was = entries_[unit].was};
    free_units_[order] = unit + 1;
}

/// Makes the next largest span usable.
bool span_space::commit_units(growth may_grow) noexcept {
    const std::size_t end = std::size_t{used_units_} * span_unit_bytes + largest_span_bytes;
    if (end > bytes_) {
        return false;
    }
    if (end <= committed_bytes_ || may_grow == growth::no) {
        return end <= committed_bytes_;
    }
    const std::size_t least = round_up(largest_span_bytes, page_bytes_);
    const std::size_t step =
        std::min(round_up(next_step(committed_bytes_), least), bytes_ - committed_bytes_);
    growth_error_ = grow_by_at_most(step, least, [&](std::size_t more) {
        more = std::min(round_up(more, page_bytes_), bytes_ - committed_bytes_);
        const std::size_t first = units_offset_ + committed_bytes_;
        const int error = memory_.commit(first, first + more);
        committed_bytes_ += error == 0 ? more : 0;
        return error;
    });
    return end <= committed_bytes_;
}

/// Takes 2^order units; ~0 when there are none.
std::uint32_t span_space::take_units(std::uint32_t order, growth may_grow) noexcept {
    std::uint32_t from = order;
    while (from < span_orders && free_units_[from] == 0) {
        ++from;
    }
    std::uint32_t unit = used_units_;
    if (from < span_orders) {
        unit = free_units_[from] - 1;
        free_units_[from] = entries_[unit].record;
    } else if (commit_units(may_grow)) {
        from = span_orders - 1;
        used_units_ += units_of_largest;
    } else {
        return ~std::uint32_t{0};
    }
    while (from != order) {
        --from;
        add_free(unit + (1U << from), from);
    }
    return unit;
}

// --- records --------------------------------------------------------------------------------------

/// Makes `bytes` more of records usable.
bool span_space::commit_records(std::size_t bytes, growth may_grow) noexcept {
    const std::size_t end = record_bytes_ + bytes;
    if (end > record_room_) {
        return false;
    }
    if (end <= record_committed_ || may_grow == growth::no) {
        return end <= record_committed_;
    }
    const std::size_t least = round_up(end - record_committed_, page_bytes_);
    const std::size_t step =
        std::min(std::max(round_up(next_step(record_committed_), page_bytes_), least),
                 record_room_ - record_committed_);
    growth_error_ = grow_by_at_most(step, least, [&](std::size_t more) {
        more = round_up(more, page_bytes_);
        const std::size_t stop = record_room_ - record_committed_;
        const int error = memory_.commit(stop - more, stop);
        record_committed_ += error == 0 ? more : 0;
        return error;
    });
    return end <= record_committed_;
}

std::byte* span_space::take_record(std::size_t bytes, growth may_grow) noexcept {
    const std::size_t granules = round_up(bytes, record_granule) / record_granule;
    const auto fits = static_cast<std::uint32_t>(std::bit_width(granules - 1)); // whatever is there
    std::uint32_t order = static_cast<std::uint32_t>(std::bit_width(granules)) - 1;
    for (; order < record_orders; ++order) {
        free_record* const found = free_records_[order];
        if (found == nullptr || (order < fits && found->granules < granules)) {
            continue;
        }
        free_records_[order] = found->next;
        auto* const place = reinterpret_cast<std::byte*>(found);
        add_free_record(place + granules * record_granule, found->granules - granules);
        std::memset(place, 0, granules * record_granule);
        records_out_ += granules;
        return place;
    }
    if (entries_ == nullptr || !commit_records(granules * record_granule, may_grow)) {
        return nullptr;
    }
    record_bytes_ += granules * record_granule;
    records_out_ += granules;
    return reinterpret_cast<std::byte*>(entries_) - record_bytes_;
}

void span_space::add_free_record(std::byte* place, std::size_t granules) noexcept {
    if (granules != 0) {
        free_record*& first = free_records_[static_cast<std::size_t>(std::bit_width(granules)) - 1];
        first = std::construct_at(reinterpret_cast<free_record*>(place),
                                  free_record{.next = first, .granules = granules});
    }
}

void span_space::give_back_record(std::byte* record, std::size_t bytes) noexcept {
    const std::size_t granules = round_up(bytes, record_granule) / record_granule;
    records_out_ -= granules;
    add_free_record(record, granules);
}

// --- spans ----------------------------------------------------------------------------------------

span_record* span_space::take(std::uint32_t order,
                              std::uint32_t blocks,
                              std::uint8_t owner,
                              growth may_grow) noexcept {
    const std::uint32_t unit = take_units(order, may_grow);
    if (unit == ~std::uint32_t{0}) {
        return nullptr;
    }
    std::byte* const place = take_record(span_record::bytes_for(blocks), may_grow);
    if (place == nullptr) {
        add_free(unit, order);
        return nullptr;
    }
    auto* const span = std::construct_at(reinterpret_cast<span_record*>(place));
    span->blocks = units_ + std::size_t{unit} * span_unit_bytes;
    span->room = static_cast<std::uint16_t>(blocks);
    span->owner = owner;
    const auto below = static_cast<std::size_t>(reinterpret_cast<std::byte*>(entries_) - place);
    const auto mask = static_cast<std::uint16_t>((span_unit_bytes << order) - 1);
    for (std::uint32_t i = 0; i < 1U << order; ++i) {
        entries_[unit + i] = {.record = static_cast<std::uint32_t>(below / record_granule),
                              .offset_mask = mask,
                              .owner = static_cast<std::uint8_t>(owner + 1)};
    }
    return span;
}

void span_space::give_back(span_record* span) noexcept {
    const auto unit = static_cast<std::uint32_t>(offset_of(span->blocks) / span_unit_bytes);
    const std::uint32_t order = order_of(entries_[unit]);
    std::fill_n(entries_ + unit, 1U << order, span_entry{});
    entries_[unit].was = static_cast<std::uint8_t>(span->owner + 1);
    add_free(unit, order);
    give_back_record(reinterpret_cast<std::byte*>(span), span_record::bytes_for(span->room));
}

/// True when no unit of the range belongs to a span.
bool span_space::is_free_run(std::uint32_t unit, std::uint32_t units) const noexcept {
    return std::all_of(entries_ + unit, entries_ + unit + units, [](const span_entry& entry) {
        return entry.owner == 0;
    });
}

void span_space::join_free() noexcept {
    join_records();
    while (used_units_ != 0 && is_free_run(used_units_ - units_of_largest, units_of_largest)) {
        used_units_ -= units_of_largest;
        std::fill_n(entries_ + used_units_, units_of_largest, span_entry{});
    }
    free_units_ = {};
    for (std::uint32_t unit = 0; unit < used_units_;) {
        std::uint32_t order = order_of(entries_[unit]);
        if (entries_[unit].owner == 0) {
            order = span_orders - 1;
            while (unit % (1U << order) != 0 || !is_free_run(unit, 1U << order)) {
                --order;
            }
            add_free(unit, order);
        }
        unit += 1U << order;
    }
}

/// Joins free records that are neighbours: sorted by address, merging runs of 2^i of them.
void span_space::join_records() noexcept {
    std::array<free_record*, record_orders> runs{};
    const auto merged = [](free_record* one, free_record* other) {
        free_record* all = nullptr;
        free_record** end = &all;
        while (one != nullptr && other != nullptr) {
            free_record*& lower = one < other ? one : other;
            *end = lower;
            end = &lower->next;
            lower = lower->next;
        }
        *end = one != nullptr ? one : other;
        return all;
    };
    for (free_record*& list : free_records_) {
        while (list != nullptr) {
            free_record* run = std::exchange(list, list->next);
            run->next = nullptr;
            std::size_t i = 0;
            for (; runs[i] != nullptr; ++i) {
                run = merged(std::exchange(runs[i], nullptr), run);
            }
            runs[i] = run;
        }
    }
    free_record* all = nullptr;
    for (free_record* const run : runs) {
        all = merged(all, run);
    }
    while (all != nullptr) {
        auto* const place = reinterpret_cast<std::byte*>(all);
        std::size_t granules = 0;
        while (reinterpret_cast<std::byte*>(all) == place + granules * record_granule) {
            granules += all->granules;
            all = all->next;
        }
        add_free_record(place, granules);
    }
}

std::size_t span_space::discard_free() noexcept {
    std::size_t returned = 0;
    std::uint32_t run = 0; // first unit of the current run of free ones
    for (std::uint32_t unit = 0; unit < used_units_;) {
        if (entries_[unit].owner == 0) {
            ++unit;
            continue;
        }
        returned +=
            discard(std::uint64_t{run} * span_unit_bytes, std::uint64_t{unit} * span_unit_bytes);
        unit += 1U << order_of(entries_[unit]);
        run = unit;
    }
    return returned + discard(std::uint64_t{run} * span_unit_bytes, committed_bytes_);
}

void span_space::unpoison_all() const noexcept {
    unpoison(units_, committed_bytes_);
}

const char* span_space::fault() const noexcept {
    std::uint64_t listed = 0;
    for (std::uint32_t order = 0; order < span_orders; ++order) {
        for (std::uint32_t next = free_units_[order]; next != 0;) {
            const std::uint32_t unit = next - 1;
            if (unit >= used_units_ || unit % (1U << order) != 0 ||
                order_of(entries_[unit]) != order || !is_free_run(unit, 1U << order)) {
                return "a list of free units holds what is no free run";
            }
            listed += 1U << order;
            if (listed > used_units_) {
                return "a list of free units has no end";
            }
            next = entries_[unit].record;
        }
    }
    std::uint64_t owned = 0;
    bool agree = true;
    for_each_span([&owned, &agree, this](span_record& span) {
        const std::uint64_t start = offset_of(span.blocks);
        for (std::uint32_t unit = 0; unit < units_of(span); ++unit) {
            const span_entry& entry = entry_at(start + std::uint64_t{unit} * span_unit_bytes);
            agree = agree && record_of(entry) == &span && entry.owner == span.owner + 1;
        }
        owned += units_of(span);
    });
    if (!agree) {
        return "the entries of a span disagree";
    }
    if (listed + owned != used_units_) {
        return "spans + free units differs from the units in use";
    }
    return nullptr;
}

} // namespace detail

MILLPOND_NAMESPACE_END
