// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The plan: a recorded process in the form that the player plays. One flat file,
///
///     plan_header | records of the program | check records | (end)
///
/// written by `plan_builder`, mapped by the player. It names slots instead of blocks: a slot is a place
/// in the player's table of pointers, reused as soon as its block is freed, so that the table is as
/// small as the number of blocks that live at once. Nothing here allocates: the player includes this.

#include <bit>
#include <cstddef>
#include <cstdint>

namespace millpond::tool::replay {

/// What one record makes the player do.
enum class action : std::uint8_t {
    allocate,         ///< malloc
    allocate_zeroed,  ///< calloc
    allocate_aligned, ///< posix_memalign
    resize_from, ///< first half of a realloc: the block as it was; the next record is resize_to
    resize_to,   ///< second half of a realloc: the block as it becomes
    free,        ///< free
    check,       ///< not the program's: the block still holds what was written into it
};

/// The pool number of a block that comes from the heap.
inline constexpr std::uint16_t from_heap = 0xffff;

/// One step. A realloc takes two, everything else one.
struct record {
    std::uint64_t size_bytes; ///< of the block: what was asked for
    std::uint32_t slot;       ///< where its address is kept
    action what;
    std::uint8_t
        alignment_log2; ///< `allocate_aligned`, and what is said of such a block later; else 0
    std::uint16_t pool; ///< index into `plan_header::pools`, or `from_heap`
};

/// One pool of the millpond contender.
struct pool_spec {
    std::uint64_t block_bytes;
    std::uint64_t capacity;   ///< the most blocks of this size that the program had live at once
    std::uint64_t operations; ///< allocations, frees and halves of reallocs that it serves
};

inline constexpr std::size_t max_pools = 64;
inline constexpr std::uint64_t plan_magic = 0x316e6c706c6c696dU; // "millpln1"

/// The head of a plan. Counts of records: `records` of the program, then `checks`.
struct plan_header {
    std::uint64_t magic;
    std::uint64_t records;
    std::uint64_t checks;
    std::uint64_t operations; ///< heap calls of the program; a realloc is one
    std::uint64_t slots;
    std::uint64_t largest_bytes;     ///< the largest block
    std::uint64_t expected_checksum; ///< what a heap that loses nothing gives
    std::uint64_t pool_count;
    pool_spec pools[max_pools];
};

/// Records begin here, page-aligned.
inline constexpr std::size_t plan_records_offset = 4096;

static_assert(sizeof(record) == 16, "a plan of ten million steps is 160 MB and no more");
static_assert(sizeof(plan_header) <= plan_records_offset);

/// What is written into a block that record number `index` produced; never 0 in its low byte, so that
/// memory which was lost and came back zeroed is noticed even in a block of one byte.
[[nodiscard]] constexpr std::uint64_t stamp_of(std::uint64_t index) noexcept {
    return (index * 0x9e3779b97f4a7c15U) | 1U;
}

/// The part of a stamp that a block of `size_bytes` can hold.
[[nodiscard]] constexpr std::uint64_t visible_stamp(std::uint64_t stamp,
                                                    std::uint64_t size_bytes) noexcept {
    return size_bytes >= 8 ? stamp : stamp & ((std::uint64_t{1} << (8 * size_bytes)) - 1);
}

/// Adds what was read back from a block to a checksum; the order of the reads matters.
[[nodiscard]] constexpr std::uint64_t fold(std::uint64_t checksum, std::uint64_t seen) noexcept {
    return std::rotl(checksum, 5) + seen;
}

} // namespace millpond::tool::replay
