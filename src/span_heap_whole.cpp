// SPDX-License-Identifier: MIT
/// \file
/// What concerns a heap as a whole: release, shrink, statistics, reports, the self-check.

#include "millpond/pool/block_memory.hpp"
#include "millpond/pool/span_heap.hpp"

#include <algorithm>
#include <bit>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

void span_heap::release() noexcept {
    for (span_space& space : spaces()) {
        space.unpoison_all();
        space = span_space();
    }
    spaces_end_ = spaces_.data();
    classes_ = nothing.data();
    attempts_to_skip_ = 0;
    asm volatile("" : : "r"(this) : "memory"); // else a destructor's stores are dropped
}

/// The space that an address lies in; nullptr when it is elsewhere.
const span_space* span_heap::space_of(const void* address) const noexcept {
    for (const span_space& space : spaces()) {
        if (space.holds(space.offset_of(address))) {
            return &space;
        }
    }
    return nullptr;
}

/// The span around an address; nullptr when there is none.
span_record* span_heap::span_at(const void* address) const noexcept {
    const span_space* const space = space_of(address);
    if (space == nullptr) {
        return nullptr;
    }
    const span_entry entry = space->entry_at(space->offset_of(address));
    return entry.owner != 0 ? space->record_of(entry) : nullptr;
}

/// Moves every free block to its line.
void span_heap::put_back_all(span_class& of) noexcept {
    empty_stack(of);
    if (of.mask != 0) {
        span_record& span = *span_at(of.line_blocks);
        const auto line = (of.line_positions - span.positions()) / word_blocks;
        of.mark_line(span, static_cast<std::uint32_t>(line));
        of.mask = 0;
    }
}

/// Gives a span back that has no live block; of others, the pages under free blocks.
std::size_t span_heap::shrink_span(span_class& of, span_space& space, span_record& span) noexcept {
    const std::size_t stride = of.stride.bytes();
    const std::uint64_t start = space.offset_of(span.blocks);
    const std::uint32_t free = span.free_blocks();
    std::uint32_t run = 0; // first block of the current run of free ones
    std::size_t returned = 0;
    const auto end_run_before = [&](std::uint32_t block) {
        if (run < block) {
            returned += space.discard(start + run * stride, start + block * stride);
        }
        run = block + 1;
    };
    if (free != span.granted) {
        for (std::uint32_t block = 0; block < span.granted; ++block) {
            if (is_in_use(value_of(span.positions()[block]))) {
                end_run_before(block);
            }
        }
        end_run_before(span.granted);
        if (span.lines != 0) {
            of.list_last(span);
        }
        return returned;
    }
    free_span(of, span);
    return 0; // with all free units, by the caller
}

std::size_t span_heap::shrink() noexcept {
    for (span_class& of : classes()) {
        if (of.is_made()) {
            put_back_all(of);
            of.first = nullptr;
            of.last = nullptr;
            of.reserved = 0;
        }
    }
    std::size_t returned = 0;
    for (span_space* space = spaces_.data(); space != spaces_end_;) {
        space->for_each_span([&](span_record& span) {
            returned += shrink_span(classes_[span.owner], *space, span);
        });
        space->join_free();
        returned += space->discard_free();
        if (space->is_empty()) {
            space->unpoison_all();
            std::move(space + 1, spaces_end_, space);
            --spaces_end_;
            *spaces_end_ = span_space();
        } else {
            ++space;
        }
    }
    attempts_to_skip_ = 0;
    return returned;
}

pool_stats span_heap::stats_of(std::uint32_t index) const noexcept {
    const span_class& of = classes_[index];
    pool_stats now;
    if (!of.is_made()) {
        return now;
    }
    now.capacity = of.granted;
    now.live = of.live();
    now.free = now.capacity - now.live;
    now.high_water = of.high_water;
    now.block_bytes = of.stride.bytes();
    now.max_capacity = std::clamp(most_bytes() / now.block_bytes, now.capacity, index_limit);
    now.bytes_metadata =
        sizeof of + (of.highest + 1) * sizeof(void*) + of.granules * span_space::record_granule;
    now.bytes_committed = now.bytes_metadata + std::size_t{of.units} * span_unit_bytes;
    now.failures = of.failures;
    now.growth_error = spaces_[0].growth_error();
    now.pages = spaces_[0].memory().pages();
    now.page_size_error = spaces_[0].memory().page_size_error();
    return now;
}

misuse_report span_heap::report_on(const void* address) const noexcept {
    misuse_report report{.pool_name = options_.name.c_str(), .address = address};
    span_record* const span = span_at(address);
    if (span == nullptr) {
        const span_space* const space = space_of(address);
        const std::uint64_t offset = space != nullptr ? space->offset_of(address) : 1;
        if (offset % span_unit_bytes == 0 && space->entry_at(offset).was != 0) {
            report.reason = misuse::freed_twice;
        }
        return report;
    }
    const span_class& of = classes_[span->owner];
    const std::size_t stride = of.stride.bytes();
    report = misuse_report::of(address, span->blocks, stride, span->room);
    report.pool_name = options_.name.c_str();
    report.block_bytes = stride;
    if (report.reason == misuse::freed_twice) {
        const auto offset = static_cast<const std::byte*>(address) - span->blocks;
        const std::uint32_t place =
            value_of(span->positions()[static_cast<std::size_t>(offset) / stride]);
        if (place == position_never) {
            report.reason = misuse::never_allocated;
        } else if (is_in_use(place) && !is_in_stack(of, address, place)) {
            report.reason = misuse::wrong_size;
        }
    }
    return report;
}

// --- self-check -----------------------------------------------------------------------------------

namespace {

/// What the spans of a class have, counted.
struct span_totals {
    std::uint64_t claimed = 0;
    std::uint64_t granted = 0;
    std::uint64_t units = 0;
    std::uint64_t listed = 0; ///< spans with lines that have free blocks
};

/// The list of spans with free blocks has as many as there are.
bool is_listed_right(const span_class& of, std::uint64_t spans) noexcept {
    std::uint64_t listed = 0;
    const span_record* last = nullptr;
    for (const span_record* span = of.first; span != nullptr && listed <= spans;
         span = span->next) {
        last = span;
        ++listed;
    }
    return listed == spans && last == of.last;
}

} // namespace

verdict span_heap::verify() const noexcept {
    verdict found;
    std::array<span_totals, classes_most> totals{};
    for (const span_space& space : spaces()) {
        if (const char* const fault = space.fault(); fault != nullptr) {
            return {fault, 0};
        }
        space.for_each_span([&](span_record& span) {
            const span_class& of = classes_[span.owner];
            if (found) {
                found = verify_span(of, span);
            }
            span_totals& sum = totals[span.owner];
            for (std::uint32_t block = 0; block < span.granted; ++block) {
                sum.claimed += is_in_use(value_of(span.positions()[block])) ? 1U : 0U;
            }
            sum.granted += span.granted;
            sum.units += space.units_of(span);
            sum.listed += span.lines != 0 ? 1U : 0U;
        });
    }
    for (std::uint32_t index = 0; found && index < sizes_.count(); ++index) {
        const span_class& of = classes_[index];
        if (!of.is_made()) {
            continue;
        }
        found = verify_class(of);
        if (found && totals[index].claimed != of.claimed) {
            found = {"live + stack differs from the blocks in use", of.claimed};
        }
        if (found && (totals[index].granted != of.granted || totals[index].units != of.units)) {
            found = {"a class has other spans than it counts", of.granted};
        }
        if (found && !is_listed_right(of, totals[index].listed)) {
            found = {"the list of spans with free blocks holds others", index};
        }
    }
    return found;
}

/// One span: its positions against its lines, and those against what is being handed out.
verdict span_heap::verify_span(const span_class& of, span_record& span) const noexcept {
    for (std::uint32_t block = span.granted; block < span_record::positions_of(span.room);
         ++block) {
        if (value_of(span.positions()[block]) != position_never) {
            return {"a block is in use that was never granted", block};
        }
    }
    if (span.line_count() < word_blocks && span.lines >> span.line_count() != 0) {
        return {"a line has a bit that no block lies in", span.line_count()};
    }
    for (std::uint32_t line = 0; line < span.line_count(); ++line) {
        const bool is_current =
            of.line_positions == span.positions() + std::size_t{line} * word_blocks;
        const std::uint64_t current = is_current ? of.mask : 0;
        const std::uint64_t free = span.free_of_line(line);
        if ((current & ~free) != 0) {
            return {"a block that is being handed out is in use", line};
        }
        if ((span.lines >> line & 1) != ((free & ~current) != 0 ? 1U : 0U)) {
            return {"a line's bit disagrees with its free blocks", line};
        }
    }
    return {};
}

/// One class: its counts, and its stack against the positions.
verdict span_heap::verify_class(const span_class& of) const noexcept {
    if (of.kept() > of.claimed || of.claimed > of.high_water || of.height > of.highest) {
        return {"stack <= claimed <= high water does not hold", of.claimed};
    }
    for (std::uint32_t place = of.height; place > span_class::line_place; --place) {
        const auto* const block = static_cast<const std::byte*>(of.stack[place]);
        span_record* const span = span_at(block);
        if (span == nullptr || &classes_[span->owner] != &of) {
            return {"the stack holds an address that is no block", place};
        }
        const std::uint64_t number =
            of.stride.index_of(static_cast<std::uint64_t>(block - span->blocks));
        const std::uint32_t expected = checked_build ? place : span_class::line_place;
        if (number >= span->granted || value_of(span->positions()[number]) != expected) {
            return {"the stack holds a block whose position is another", place};
        }
    }
    return {};
}

} // namespace detail

MILLPOND_NAMESPACE_END
