// SPDX-License-Identifier: MIT
/// \file
/// What a heap does when a stack is empty or full: lines, and growth.

#include "millpond/pool/span_heap.hpp"

#include "millpond/base/error.hpp"
#include "millpond/pool/block_memory.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "os.hpp"

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

/// Units of the first space; each further one is eight times as large, but no larger than a share of the
/// address space that the process may have, and less where that is refused.
constexpr std::size_t first_space_bytes = std::size_t{16} << 20;
constexpr std::size_t space_growth = 8;
constexpr std::size_t least_space_bytes = std::size_t{1} << 20;
constexpr std::size_t space_share = 16;

/// Growth that is not tried after the system has refused it: an attempt costs several calls.
constexpr std::uint32_t skipped_after_refusal = 1000;

/// Under a limit, no span takes a larger share of it.
constexpr std::size_t limit_share = 16;

/// Places of a stack, the unused one and the one that stands for a line included.
constexpr std::uint32_t first_depth = 16;
constexpr std::uint32_t depth_growth = 4;

/// A stack takes no larger share of its class's spans.
constexpr std::size_t depth_share = 4;

constexpr std::uint32_t prefetch_distance = 4; // in allocations

/// Larger blocks have a span each.
constexpr std::size_t largest_shared_bytes = 4096;

/// Blocks that the first span of a class should have.
constexpr std::size_t first_blocks(std::size_t stride_bytes) noexcept {
    return stride_bytes <= 1024 ? 4 : stride_bytes <= largest_shared_bytes ? 2 : 1;
}

/// The order of a span that has `bytes`, or the largest one.
std::uint32_t order_for(std::size_t bytes) noexcept {
    const auto order = static_cast<std::uint32_t>(std::bit_width((bytes - 1) / span_unit_bytes));
    return std::min(order, span_orders - 1);
}

std::uint32_t blocks_of(std::uint32_t order, std::size_t stride_bytes) noexcept {
    return static_cast<std::uint32_t>((span_unit_bytes << order) / stride_bytes);
}

/// The lines of blocks [first, end).
std::uint64_t lines_of(std::uint32_t first, std::uint32_t end) noexcept {
    const std::uint64_t up_to_last =
        ~std::uint64_t{0} >> (word_blocks - 1 - (end - 1) / word_blocks);
    return up_to_last & ~std::uint64_t{0} << (first / word_blocks);
}

} // namespace

constinit std::array<span_class, span_heap::classes_most> span_heap::nothing{};

// --- one block ------------------------------------------------------------------------------------

void* span_heap::take_from_line(span_class& of) noexcept {
    if (of.mask == 0 && !claim(of)) [[unlikely]] {
        ++of.failures;
        return nullptr;
    }
    const auto number = trailing_zeros(of.mask);
    of.mask &= of.mask - 1;
    of.line_positions[number] = to_position<wide_position>(span_class::line_place);
    if (++of.claimed > of.high_water) {
        of.high_water = of.claimed;
    }
    std::byte* const block = of.line_blocks + number * of.stride.bytes();
    if (of.mask != 0) {
        prefetch_for_write(block + prefetch_distance * of.stride.bytes());
    }
    unpoison(block, of.stride.bytes());
    return block;
}

bool span_heap::claim(span_class& of) noexcept {
    if (of.first == nullptr && !grow(of)) [[unlikely]] {
        return false;
    }
    span_record& span = *of.first;
    const auto line = trailing_zeros(span.lines);
    span.lines &= span.lines - 1;
    if (span.lines == 0) {
        of.first = span.next;
        of.last = of.first == nullptr ? nullptr : of.last;
    }
    of.mask = span.free_of_line(line);
    const std::size_t first = std::size_t{line} * word_blocks;
    of.line_blocks = span.blocks + first * of.stride.bytes();
    of.line_positions = span.positions() + first;
    return true;
}

void span_heap::put_beyond(span_class& of, span_record& span, std::uint32_t number) noexcept {
    --of.claimed;
    if (of.is_large() && of.granted > of.reserved) {
        free_span(of, span);
        return;
    }
    span.positions()[number] = to_position<wide_position>(position_freed);
    of.mark_line(span, number / word_blocks);
}

/// Gives a span back of which no block is live, and which is in no list.
void span_heap::free_span(span_class& of, span_record& span) noexcept {
    span_space& space = *std::find_if(spaces_.data(), spaces_end_, [&](const span_space& one) {
        return one.holds(one.offset_of(span.blocks));
    });
    budget_.give_back(span.granted, cost_of(of));
    of.granted -= span.granted;
    of.units -= space.units_of(span);
    of.granules -=
        static_cast<std::uint32_t>(span_record::bytes_for(span.room) / span_space::record_granule);
    of.newest = of.newest == &span ? nullptr : of.newest;
    space.give_back(&span);
    has_freed_ = true;
}

// --- growth ---------------------------------------------------------------------------------------

bool span_heap::make(std::uint32_t index) noexcept {
    if (spaces_end_ == spaces_.data()) {
        if (!add_space()) {
            return false;
        }
        std::byte* const place = spaces_[0].take_record(sizeof nothing, growth::yes);
        if (place == nullptr) {
            release();
            return false;
        }
        classes_ = reinterpret_cast<span_class*>(place);
    }
    span_class& of = classes_[index];
    if (of.is_made()) {
        return true;
    }
    const bool is_large = sizes_.bytes_of(index) > largest_shared_bytes;
    const std::uint32_t depth = is_large ? span_class::only_place + 1 : first_depth;
    std::byte* const stack = spaces().back().take_record(depth * sizeof(void*), growth::yes);
    if (stack == nullptr) {
        return false;
    }
    of.stack = reinterpret_cast<void**>(stack);
    of.height = span_class::line_place;
    of.highest = depth - 1;
    of.stride = runtime_stride(sizes_.bytes_of(index));
    return true;
}

bool span_heap::add_space() noexcept {
    const auto count = spaces().size();
    if (count == spaces_most) {
        return false;
    }
    const std::size_t share =
        os::address_space_bytes() / space_share / largest_span_bytes * largest_span_bytes;
    std::size_t bytes = first_space_bytes;
    for (std::size_t i = 0; i < count && bytes < share; ++i) {
        bytes *= space_growth;
    }
    bytes = std::min(bytes, share);
    for (; bytes >= least_space_bytes; bytes /= 4) {
        const bool is_made = attempt([&] {
            span_space made(options_.name, bytes, options_.memory, options_.prefault);
            std::move_backward(spaces_.data(), spaces_end_, spaces_end_ + 1);
            spaces_[0] = std::move(made);
        });
        if (is_made) {
            ++spaces_end_;
            return true;
        }
    }
    return false;
}

/// Finds a span among free units, or gets back one that a large class keeps, or has a space grow, or adds one;
/// nullptr when there is none.
span_record*
span_heap::take_span(const span_class& of, std::uint32_t order, growth may_grow) noexcept {
    const std::uint32_t blocks = of.is_large() ? 1 : blocks_of(order, of.stride.bytes());
    const auto owner = static_cast<std::uint8_t>(&of - classes_);
    const auto take = [&](growth now) noexcept {
        span_record* span = nullptr;
        for (std::size_t i = spaces().size(); span == nullptr && i != 0; --i) { // the oldest first
            span = spaces_[i - 1].take(order, blocks, owner, now);
        }
        return span;
    };
    span_record* span = take(growth::no);
    if (span == nullptr) {
        for (span_class& large : large_classes()) {
            if (order_for(large.stride.bytes()) >= order && give_back_kept(large)) {
                span = take(growth::no); // one is enough, and no growth gives back more
                break;
            }
        }
    }
    if (span == nullptr && may_grow == growth::yes) {
        span = take(growth::yes);
        if (span == nullptr && add_space()) {
            span = spaces_[0].take(order, blocks, owner, growth::yes);
        }
    }
    return span;
}

/// Those whose blocks have a span each.
std::span<span_class> span_heap::large_classes() const noexcept {
    return classes().subspan(sizes_.index_of(largest_shared_bytes + 1, 1));
}

/// Gives back the span of the free block that a large class keeps; false when it keeps none that may go.
bool span_heap::give_back_kept(span_class& of) noexcept {
    if (!of.is_made() || of.kept() == 0 || of.granted <= of.reserved) {
        return false;
    }
    empty_stack(of);
    return true;
}

bool span_heap::make_room(std::size_t bytes) noexcept {
    for (span_class& large : large_classes()) {
        if (budget_.has_room(bytes)) {
            break;
        }
        (void)give_back_kept(large);
    }
    return budget_.has_room(bytes);
}

/// Moves what the stack holds to its lines; where each block has a span and none is reserved, gives it back.
void span_heap::empty_stack(span_class& of) noexcept {
    for (; of.kept() != 0; --of.height) {
        const auto* const block = static_cast<const std::byte*>(of.stack[of.height]);
        span_record& span = *span_at(block);
        put_beyond(of,
                   span,
                   static_cast<std::uint32_t>(
                       of.stride.index_of(static_cast<std::uint64_t>(block - span.blocks))));
    }
}

/// Takes another span for a class, as large as all that it has.
bool span_heap::add_newest(span_class& of) noexcept {
    const std::size_t stride = of.stride.bytes();
    const std::uint32_t least = order_for(stride * first_blocks(stride));
    const std::size_t limit = options_.limit_bytes == 0 ? SIZE_MAX : options_.limit_bytes;
    std::size_t bytes = std::min(std::size_t{of.units} * span_unit_bytes, limit / limit_share);
    bytes = of.is_large() ? 0 : std::min(bytes, span_record::blocks_most * stride);
    std::uint32_t order = bytes == 0 ? least : std::max(least, order_for(bytes));
    const growth may_grow = attempts_to_skip_ == 0 ? growth::yes : growth::no;
    attempts_to_skip_ -= may_grow == growth::no ? 1U : 0U;
    span_record* span = take_span(of, order, may_grow);
    if (span == nullptr && order != least) {
        order = least;
        span = take_span(of, order, may_grow);
    }
    if (span == nullptr && may_grow == growth::yes) {
        attempts_to_skip_ = skipped_after_refusal;
    }
    if (span == nullptr) {
        for (span_class& large : large_classes()) {
            (void)give_back_kept(large);
        }
    }
    if (span == nullptr && has_freed_) {
        has_freed_ = false;
        for (span_space& space : spaces()) {
            space.join_free();
        }
        span = take_span(of, order, growth::no);
    }
    if (span == nullptr) {
        return false;
    }
    poison(span->blocks, std::size_t{span_unit_bytes} << order);
    of.newest = span;
    of.units += 1U << order;
    of.granules +=
        static_cast<std::uint32_t>(span_record::bytes_for(span->room) / span_space::record_granule);
    return true;
}

/// Makes more blocks of a class free, as far as the limit allows and the system gives memory.
bool span_heap::grow(span_class& of) noexcept {
    if (!make_room(cost_of(of)) || of.granted > index_limit - span_record::blocks_most) {
        return false;
    }
    if (of.newest == nullptr || of.newest->granted == of.newest->room) {
        if (!add_newest(of)) {
            return false;
        }
    }
    span_record& span = *of.newest;
    const std::uint32_t had = span.granted;
    const std::size_t more = budget_.take(std::size_t{span.room} - had, cost_of(of));
    span.granted = static_cast<std::uint16_t>(had + more);
    of.granted += static_cast<std::uint32_t>(more);
    if (span.lines == 0) {
        of.list_last(span);
    }
    span.lines |= lines_of(had, span.granted);
    deepen_stack(of);
    return true;
}

/// Gives a class whose stack is empty a deeper one, if it has the blocks for it.
void span_heap::deepen_stack(span_class& of) noexcept {
    const std::uint32_t had = of.highest + 1;
    const std::size_t share = std::size_t{of.units} * span_unit_bytes / depth_share;
    std::uint32_t depth = had;
    while (depth <= span_class::deepest &&
           std::size_t{depth} * depth_growth * sizeof(void*) <= share && depth <= of.granted) {
        depth *= depth_growth;
    }
    if (depth == had || of.kept() != 0 || of.is_large()) {
        return;
    }
    std::byte* const stack = spaces().back().take_record(depth * sizeof(void*), growth::yes);
    if (stack == nullptr) {
        return;
    }
    spaces().back().give_back_record(reinterpret_cast<std::byte*>(of.stack), had * sizeof(void*));
    of.stack = reinterpret_cast<void**>(stack);
    of.highest = depth - 1;
}

/// Bytes of all blocks that there can be.
std::size_t span_heap::most_bytes() const noexcept {
    const std::size_t limit = options_.limit_bytes == 0 ? SIZE_MAX : options_.limit_bytes;
    const std::size_t share = os::address_space_bytes() / space_share;
    std::size_t bytes = first_space_bytes;
    std::size_t sum = 0;
    for (std::uint32_t i = 0; i < spaces_most; ++i) {
        bytes = std::min(bytes, share);
        sum += bytes;
        bytes = bytes < SIZE_MAX / space_growth ? bytes * space_growth : share;
    }
    return std::min(sum, limit);
}

bool span_heap::can_hold(std::uint32_t index, std::size_t blocks) noexcept {
    span_class& of = classes_[index];
    if (of.is_large()) {
        empty_stack(of); // else what it keeps might go while it grows
    }
    if (blocks > most_bytes() / of.stride.bytes() || blocks > index_limit ||
        (blocks > of.granted && !make_room((blocks - of.granted) * cost_of(of)))) {
        return false;
    }
    attempts_to_skip_ = 0;
    const std::size_t had = of.granted;
    while (blocks > of.granted) {
        if (!grow(of)) {
            give_back_free(of, had); // to those who need less
            return false;
        }
    }
    of.reserved = std::max(of.reserved, static_cast<std::uint32_t>(blocks));
    return true;
}

/// Gives back the spans of a class that have no block which is live, in the stack or being handed out, as
/// long as it keeps so many blocks.
void span_heap::give_back_free(span_class& of, std::size_t kept) noexcept {
    of.first = nullptr;
    of.last = nullptr;
    for (span_space& space : spaces()) {
        space.for_each_span([&](span_record& span) {
            if (&classes_[span.owner] != &of || span.lines == 0) {
                return;
            }
            const bool is_current = of.mask != 0 && span_at(of.line_blocks) == &span;
            const bool is_free = !is_current && span.free_blocks() == span.granted;
            if (is_free && of.granted - span.granted >= kept) {
                free_span(of, span);
            } else {
                of.list_last(span);
            }
        });
    }
}

} // namespace detail

MILLPOND_NAMESPACE_END
