// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks of many sizes for one thread: size classes that share pages, metadata and address space.
///
///     allocate  <-  stack      the class's blocks that were freed lately
///               <-  line       the rest of the line of 64 blocks that was claimed last
///               <-  spans      the class's spans that have lines with free blocks: new ones too
///               <-  a new span, from the spaces that all classes share
///
///     free      ->  entry of the address, whose class must be the size's; position of the block;
///                   stack, and when that is full, the block's line
///
/// Blocks have positions as in pool_core.hpp, except that the first place of every stack stands for
/// "handed out from a line" and is never filled. So a class may begin with a stack of 14 blocks and get a
/// deeper one, up to 1,022, when its blocks take four times the stack's own bytes, and positions written
/// before stay true.
///
///     claimed = live + height             height: blocks in the stack
///     granted = claimed + free blocks of all lines, current or not
///
/// A span is as large as all that its class has, up to 64 KiB, so that a class with few blocks takes few
/// pages. Its lines are all marked as free when it comes, and are claimed one by one.
///
/// A block of more than 4 KiB has a span of its own, and the stack of its class has a single place: when
/// that is taken, the span of a block that is freed is any class's again. So is what the place keeps before
/// the heap refuses anything; a growth step gets one of them back first. Else every size that a program uses
/// once would keep what it used.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/size_classes.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/byte_budget.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/position.hpp"
#include "millpond/pool/span_space.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// The blocks of one size. All zero: not made yet.
struct alignas(64) span_class {
    static constexpr std::uint32_t line_place =
        1; ///< says "from a line", and is an empty stack's height
    static constexpr std::uint32_t deepest = 1023; ///< the highest place of the deepest stack

    // What a call reads: one cache line.
    void** stack = nullptr;    ///< blocks at the places 2 to `height`, the newest last
    std::uint32_t height = 0;  ///< at least `line_place` once made
    std::uint32_t highest = 0; ///< the last place
    runtime_stride stride;
    std::uint64_t mask = 0; ///< blocks of the current line that are not handed out yet
    std::byte* line_blocks = nullptr;
    wide_position* line_positions = nullptr;

    std::uint32_t claimed = 0; ///< live + blocks in the stack
    std::uint32_t high_water = 0;
    std::uint64_t failures = 0;
    span_record* first = nullptr; ///< of the spans that have lines with free blocks
    span_record* last = nullptr;
    span_record* newest = nullptr; ///< the only span whose blocks may not all be granted
    std::uint32_t granted = 0;     ///< blocks in all spans
    std::uint32_t units = 0;       ///< of all spans
    std::uint32_t granules = 0;    ///< of their records
    std::uint32_t reserved = 0;    ///< blocks that stay the class's although they are free

    [[nodiscard]] bool is_made() const noexcept { return height != 0; }

    static constexpr std::uint32_t only_place = line_place + 1; ///< the last one of a large block's

    /// Each block has a span of its own, which is any class's when the block is free.
    [[nodiscard]] bool is_large() const noexcept { return highest == only_place; }

    [[nodiscard]] std::uint32_t kept() const noexcept { return height - line_place; }

    [[nodiscard]] std::uint32_t live() const noexcept { return claimed - kept(); }

    /// A span that had no line with free blocks has some now: it is the next to be claimed from.
    void list_first(span_record& span) noexcept {
        span.next = first;
        first = &span;
        last = last == nullptr ? &span : last;
    }

    /// The same for a span whose blocks nobody had yet: others come first.
    void list_last(span_record& span) noexcept {
        span.next = nullptr;
        (last != nullptr ? last->next : first) = &span;
        last = &span;
    }

    /// A line has a free block that is in no stack and not being handed out.
    void mark_line(span_record& span, std::uint32_t line) noexcept {
        if (span.lines == 0) {
            list_first(span);
        }
        span.lines |= std::uint64_t{1} << line;
    }
};

/// How a heap is made.
struct span_heap_options {
    pool_name name{};
    memory_options memory{};
    bool prefault = false;
    std::size_t limit_bytes = 0; ///< of what `budget` gives; 0: none
};

class span_heap {
public:
    static constexpr std::uint32_t classes_most = size_classes::most + 1; ///< and one for no class

    /// Makes nothing yet. What it is given stays the caller's.
    span_heap(const span_heap_options& options,
              const size_classes& sizes,
              byte_budget& budget) noexcept
        : options_(options)
        , sizes_(sizes)
        , budget_(budget) {}

    span_heap(const span_heap&) = delete;
    span_heap& operator=(const span_heap&) = delete;

    ~span_heap() { release(); }

    /// nullptr when the class is not made, or has no more room.
    [[nodiscard]] void* try_allocate(std::uint32_t index) noexcept {
        void* const block = try_allocate_kept(index);
        return block != nullptr ? block : try_allocate_slow(index);
    }

    /// A block from the class's stack, without a call; nullptr when that is empty.
    [[nodiscard]] void* try_allocate_kept(std::uint32_t index) noexcept {
        span_class& of = classes_[index];
        const std::uint32_t height = of.height;
        if (height <= span_class::line_place) [[unlikely]] {
            return nullptr;
        }
        void* const block = of.stack[height];
        of.height = height - 1;
        unpoison(block, of.stride.bytes());
        return block;
    }

    /// A block from a line, when the stack is empty.
    [[nodiscard]] void* try_allocate_slow(std::uint32_t index) noexcept {
        span_class& of = classes_[index];
        // One that is not made may stand for all of them, in every thread: it is not written.
        return of.is_made() ? take_from_line(of) : nullptr;
    }

    /// Takes back a block of the class; does nothing and returns false for everything else.
    [[nodiscard, gnu::always_inline]] bool try_deallocate(void* block,
                                                          std::uint32_t index) noexcept {
        const span_space* space = spaces_.data();
        std::uint64_t offset = space->offset_of(block);
        while (!space->holds(offset))
            [[unlikely]] {
                if (++space >= spaces_end_) {
                    return false;
                }
                offset = space->offset_of(block);
            }
        const span_entry entry = space->entry_at(offset);
        if (entry.owner != index + 1) [[unlikely]] {
            return false;
        }
        span_class& of = classes_[index];
        const std::uint64_t number = of.stride.index_of(offset & entry.offset_mask);
        if (number > entry.offset_mask) [[unlikely]] {
            return false; // no start of a block
        }
        span_record* const span = space->record_of(entry);
        wide_position& position = span->positions()[number];
        const std::uint32_t height = of.height;
        if constexpr (checked_build) {
            const auto place = static_cast<std::uint32_t>(position);
            if (place - 1 >= span_class::deepest || is_in_stack(of, block, place)) [[unlikely]] {
                return false;
            }
        }
        poison(block, of.stride.bytes());
        if (height == of.highest) [[unlikely]] {
            put_beyond(of, *span, static_cast<std::uint32_t>(number));
            return true;
        }
        of.height = height + 1;
        if constexpr (checked_build) {
            position = to_position<wide_position>(height + 1);
        }
        of.stack[height + 1] = block;
        return true;
    }

    [[nodiscard]] bool is_made(std::uint32_t index) const noexcept {
        return classes_[index].is_made();
    }

    /// Makes a class, and its first space where there is none; false when the system refuses.
    [[nodiscard]] bool make(std::uint32_t index) noexcept;

    /// True when `blocks` of a class that is made can be live in all, after growing if need be.
    [[nodiscard]] bool can_hold(std::uint32_t index, std::size_t blocks) noexcept;

    /// True when the limit leaves so many bytes, if need be once large blocks that are free have gone.
    [[nodiscard]] bool make_room(std::size_t bytes) noexcept;

    /// Forgets all blocks, and gives all memory back; the budget is for its owner to reset.
    void release() noexcept;

    /// Gives back the memory under free blocks; units without a live block are any class's again.
    std::size_t shrink() noexcept;

    /// The figures of a class; all zero when it is not made.
    [[nodiscard]] pool_stats stats_of(std::uint32_t index) const noexcept;

    /// Why an address is not a block to be freed, or that it is live but has another size.
    [[nodiscard]] misuse_report report_on(const void* address) const noexcept;

    /// Checks every invariant; O(blocks).
    [[nodiscard]] verdict verify() const noexcept;

private:
    using growth = span_space::growth;

    static constexpr std::uint32_t spaces_most = 6;

    [[nodiscard]] static bool
    is_in_stack(const span_class& of, const void* block, std::uint32_t place) noexcept {
        // One comparison for both: either is often true of a live block alone, and neither can be
        // predicted.
        std::uintptr_t differs = reinterpret_cast<std::uintptr_t>(of.stack[place]) ^
                                 reinterpret_cast<std::uintptr_t>(block);
        differs |= place > of.height ? 1U : 0U;
        asm("" : "+r"(differs)); // else the compiler makes two of it
        return differs == 0;
    }

    /// Hands out the lowest block of the current line. The stack is empty.
    [[nodiscard]] MILLPOND_OUTLINE void* take_from_line(span_class& of) noexcept;

    /// Makes another line the current one; false when there is none and the class does not grow.
    [[nodiscard]] bool claim(span_class& of) noexcept;

    /// Frees a block beyond the stack.
    MILLPOND_OUTLINE void
    put_beyond(span_class& of, span_record& span, std::uint32_t number) noexcept;

    void free_span(span_class& of, span_record& span) noexcept;

    [[nodiscard]] MILLPOND_SLOW_PATH bool grow(span_class& of) noexcept;
    [[nodiscard]] bool add_newest(span_class& of) noexcept;
    [[nodiscard]] span_record*
    take_span(const span_class& of, std::uint32_t order, growth may_grow) noexcept;
    void give_back_free(span_class& of, std::size_t kept) noexcept;
    [[nodiscard]] std::span<span_class> large_classes() const noexcept;
    bool give_back_kept(span_class& of) noexcept;
    void empty_stack(span_class& of) noexcept;
    void deepen_stack(span_class& of) noexcept;
    [[nodiscard]] bool add_space() noexcept;
    [[nodiscard]] std::size_t most_bytes() const noexcept;
    [[nodiscard]] const span_space* space_of(const void* address) const noexcept;
    [[nodiscard]] span_record* span_at(const void* address) const noexcept;
    void put_back_all(span_class& of) noexcept;
    [[nodiscard]] std::size_t
    shrink_span(span_class& of, span_space& space, span_record& span) noexcept;
    [[nodiscard]] verdict verify_class(const span_class& of) const noexcept;
    [[nodiscard]] verdict verify_span(const span_class& of, span_record& span) const noexcept;

    [[nodiscard]] std::span<span_space> spaces() noexcept { return {spaces_.data(), spaces_end_}; }

    [[nodiscard]] std::span<const span_space> spaces() const noexcept {
        return {spaces_.data(), spaces_end_};
    }

    [[nodiscard]] std::span<span_class> classes() const noexcept {
        return {classes_, sizes_.count()};
    }

    [[nodiscard]] std::uint32_t index_of(const span_class& of) const noexcept {
        return static_cast<std::uint32_t>(&of - classes_);
    }

    /// What a block counts against the limit.
    [[nodiscard]] static std::size_t cost_of(const span_class& of) noexcept {
        return of.stride.bytes() + sizeof(wide_position);
    }

    /// Stands for all classes while there is no space.
    static std::array<span_class, classes_most> nothing;

    std::array<span_space, spaces_most> spaces_; ///< the newest first: it has most of the blocks
    span_space* spaces_end_ = spaces_.data();
    span_class* classes_ = nothing.data(); ///< in the oldest space
    span_heap_options options_;
    const size_classes& sizes_;
    byte_budget& budget_;
    std::uint32_t attempts_to_skip_ = 0; ///< growth is not tried again so soon after a refusal
    bool has_freed_ = false;             ///< since free units were joined
};

} // namespace detail

MILLPOND_NAMESPACE_END
