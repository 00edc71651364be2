// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How large a pool is, and where its memory comes from: blocks and metadata in two regions.
///
///     blocks     [ block 0 | block 1 | ... committed ... | reserved up to max_capacity ]
///     metadata   [ what the pool knows of its blocks, ... committed ... | reserved for max_capacity ]

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/byte_budget.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/memory/region.hpp"
#include "millpond/pool/occupancy.hpp"
#include "millpond/pool/pool_metadata.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// The most blocks of a pool: 2^32 - 1 is the index of no block.
inline constexpr std::size_t index_limit = ~std::uint32_t{0};

/// Pools grow by no less at a time, unless told otherwise.
inline constexpr std::size_t least_growth_bytes = std::size_t{2} << 20;

/// Neither a block nor all blocks of a pool together take more.
inline constexpr std::size_t block_bytes_limit = SIZE_MAX / 4;

/// The size of a pool, as its options state it and `checked` has approved it.
struct pool_layout {
    std::size_t stride_bytes = 0;
    std::size_t alignment = 0; ///< of the first block, hence of all
    std::size_t capacity = 0;
    std::size_t max_capacity = 0;
    std::size_t extra_bytes = 0;  ///< metadata of the pool's own, aligned to `extra_alignment`
    std::size_t record_bytes = 1; ///< of what is known of each block
    std::size_t bit_blocks = 1;   ///< blocks for which the occupancy has one bit: 1, or a line
    std::size_t growth_bytes =
        least_growth_bytes;        ///< a growth step is no smaller, if there is room
    byte_budget* budget = nullptr; ///< shared with other pools; nullptr: none
    bool prefault = false;
    bool is_sparse =
        false; ///< most of `max_capacity` is never used: metadata is prefaulted with its blocks

    static constexpr std::size_t extra_alignment = 128;

    /// Fills in defaults and checks every field: std::invalid_argument names the first bad one.
    [[nodiscard]] static constexpr pool_layout checked(const pool_name& name,
                                                       std::size_t block_bytes,
                                                       std::size_t block_alignment,
                                                       std::size_t capacity,
                                                       std::size_t max_capacity,
                                                       bool prefault);

    /// The most blocks of this stride that one pool can have.
    [[nodiscard]] static constexpr std::size_t most_blocks(std::size_t stride_bytes) noexcept {
        return index_limit < block_bytes_limit / stride_bytes ? index_limit
                                                              : block_bytes_limit / stride_bytes;
    }

    /// Makes room for blocks that no option asks for; if that is too much, `capacity` is the bad
    /// option.
    constexpr void add_spare_blocks(const pool_name& name, std::size_t blocks);

    [[nodiscard]] constexpr occupancy_shape shape() const noexcept {
        return occupancy_shape::of((max_capacity + bit_blocks - 1) / bit_blocks);
    }

    /// Blocks that there are records for: those of whole lines.
    [[nodiscard]] constexpr std::size_t records() const noexcept {
        return round_up(max_capacity, bit_blocks);
    }

    /// Lowest level of the occupancy first, the levels above with what the pool adds, records last.
    [[nodiscard]] constexpr metadata_layout metadata() const noexcept {
        // So that neither end shares a cache line with what lies beside it.
        const std::size_t room =
            extra_bytes == 0 ? 0
                             : round_up(extra_bytes + 2 * extra_alignment, sizeof(std::uint64_t));
        return {.max_capacity = records(),
                .leading_blocks = word_blocks * bit_blocks,
                .fixed_bytes =
                    (shape().words - shape().block_words()) * sizeof(std::uint64_t) + room,
                .trailing_blocks = sizeof(std::uint64_t) / record_bytes};
    }

    /// Where the pool's own metadata begins, before it is aligned.
    [[nodiscard]] constexpr std::size_t extra_offset() const noexcept {
        return shape().words * sizeof(std::uint64_t);
    }

    /// Bytes that a caller's buffer must have, whatever its alignment.
    [[nodiscard]] constexpr std::size_t buffer_bytes() const noexcept {
        return buffer_bytes(metadata().bytes());
    }

    /// For a pool that needs `metadata_bytes` of metadata of another kind.
    [[nodiscard]] constexpr std::size_t buffer_bytes(std::size_t metadata_bytes) const noexcept {
        return metadata_bytes + alignof(std::uint64_t) + alignment + max_capacity * stride_bytes;
    }
};

// Here and constexpr, so that a buffer can be an array whose size is `buffer_bytes` of constants.
constexpr pool_layout pool_layout::checked(const pool_name& name,
                                           std::size_t block_bytes,
                                           std::size_t block_alignment,
                                           std::size_t capacity,
                                           std::size_t max_capacity,
                                           bool prefault) {
    const auto require = [&](bool holds,
                             const char* field,
                             std::uint64_t value,
                             const char* requirement,
                             std::uint64_t limit) {
        if (!holds) {
            throw_bad_option(name.c_str(), field, value, requirement, limit);
        }
    };
    constexpr std::size_t alignment_limit = std::size_t{1} << 30;
    require(block_bytes >= 1, "block_bytes", block_bytes, "must be at least", 1);
    require(block_bytes <= block_bytes_limit,
            "block_bytes",
            block_bytes,
            "must be at most",
            block_bytes_limit);
    require(block_alignment == 0 || std::has_single_bit(block_alignment),
            "block_alignment",
            block_alignment,
            "must be a power of two up to",
            alignment_limit);
    require(block_alignment <= alignment_limit,
            "block_alignment",
            block_alignment,
            "must be at most",
            alignment_limit);
    require(capacity >= 1, "capacity", capacity, "must be at least", 1);
    require(max_capacity == 0 || max_capacity >= capacity,
            "max_capacity",
            max_capacity,
            "must be 0 or at least capacity,",
            capacity);
    pool_layout layout;
    layout.alignment = block_alignment == 0 ? natural_alignment(block_bytes) : block_alignment;
    layout.stride_bytes = round_up(block_bytes, layout.alignment);
    layout.capacity = capacity;
    layout.max_capacity = max_capacity == 0 ? capacity : max_capacity;
    layout.prefault = prefault;
    const std::size_t most = most_blocks(layout.stride_bytes);
    require(layout.max_capacity <= most,
            max_capacity == 0 ? "capacity" : "max_capacity",
            layout.max_capacity,
            "must be at most",
            most);
    return layout;
}

constexpr void pool_layout::add_spare_blocks(const pool_name& name, std::size_t blocks) {
    const std::size_t most = most_blocks(stride_bytes);
    if (blocks > most || capacity > most - blocks) {
        throw_bad_option(name.c_str(),
                         "capacity",
                         capacity,
                         "must be at most",
                         blocks > most ? 0 : most - blocks);
    }
    capacity += blocks;
    max_capacity = capacity;
}

/// The room that a pool's blocks take, in bytes from the first block on.
struct block_room {
    std::size_t bytes = 0;       ///< reserved for good
    std::size_t ready_bytes = 0; ///< of them, usable at construction
    std::size_t alignment = 1;   ///< of the first block
    bool prefault = false;

    /// What a caller's buffer must hold, whatever its own alignment.
    [[nodiscard]] constexpr std::size_t buffer_bytes() const noexcept {
        return bytes + alignment - 1;
    }
};

/// With `automatic` replaced by what it means for a pool of a size.
[[nodiscard]] memory_options
resolved(memory_options memory, const pool_layout& layout, const metadata_layout& known) noexcept;

/// Returns a region for blocks, with what is to be ready committed. The caller has made sure that a
/// buffer is large enough.
[[nodiscard]] region
region_for_blocks(const pool_name& name, const block_room& room, const memory_options& memory);

/// Where the first block lies in a region.
[[nodiscard]] std::byte* first_aligned(const region& blocks, std::size_t alignment) noexcept;

/// By how much blocks that take `bytes` grow at a time: few system calls, and never more than an
/// eighth committed in vain, beyond `least`.
[[nodiscard]] std::size_t growth_step(std::size_t bytes,
                                      std::size_t least = least_growth_bytes) noexcept;

/// True for an errno that may go away when less is asked for.
[[nodiscard]] bool is_shortage(int error) noexcept;

/// Grows by `step`, or by as much less as the system gives, down to `least`; `grow_by(step)`
/// returns 0 or errno. A refused step is followed by a quarter of it, so there are few attempts.
template <class GrowBy>
[[nodiscard]] int grow_by_at_most(std::size_t step, std::size_t least, GrowBy grow_by) noexcept {
    int error = grow_by(step);
    while (is_shortage(error) && step > least) {
        step = std::max(step / 4, least);
        error = grow_by(step);
    }
    return error;
}

/// Blocks, and zeroed metadata beside them whose meaning is up to the user of this class.
class block_memory {
public:
    block_memory(const pool_name& name,
                 const pool_layout& layout,
                 const metadata_layout& known,
                 const memory_options& options);

    block_memory(block_memory&& other) noexcept;
    block_memory& operator=(block_memory&& other) noexcept;
    block_memory(const block_memory&) = delete;
    block_memory& operator=(const block_memory&) = delete;
    ~block_memory() = default;

    [[nodiscard]] std::byte* blocks() const noexcept { return first_block_; }

    /// Aligned for a 64-bit word.
    [[nodiscard]] std::byte* metadata() const noexcept { return metadata_.leading(); }

    [[nodiscard]] std::uint32_t capacity() const noexcept {
        // A bound for searches: the index of a block that somebody has was below the capacity
        // before.
        return capacity_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint32_t max_capacity() const noexcept {
        return static_cast<std::uint32_t>(index_end_);
    }

    /// No block has this index or a higher one.
    [[nodiscard]] std::uint64_t index_end() const noexcept { return index_end_; }

    [[nodiscard]] std::size_t committed_block_bytes() const noexcept {
        return std::size_t{capacity()} * stride_.bytes();
    }

    /// Why the last growth was refused; no error if it was not.
    [[nodiscard]] growth_refusal growth_error() const noexcept {
        return {growth_error_, stride_.bytes(), blocks_.commit_request()};
    }

    /// Commits the next step of blocks: one system call (two if locked or prefaulted), as many
    /// again for the metadata when what was committed ahead is used up, and a few times as many
    /// when the system gives less than a step. Returns those blocks, or none when it cannot.
    [[nodiscard]] block_range grow() noexcept;

    /// Commits until `blocks` fit; false when the system refuses. At most max_capacity().
    [[nodiscard]] bool grow_to(std::uint32_t blocks) noexcept;

    /// Commits the leading metadata of `blocks` blocks, which may be more than there are; false
    /// when the system refuses.
    [[nodiscard]] bool cover_leading(std::size_t blocks) noexcept;

    /// Blocks that the committed leading metadata covers.
    [[nodiscard]] std::uint32_t leading_capacity() const noexcept {
        return static_cast<std::uint32_t>(
            std::min<std::uint64_t>(metadata_.leading_capacity(), index_end_));
    }

    /// Gives what lies beyond `end` back to the budget: none of those blocks was ever handed out,
    /// or all that is known about them is forgotten. Their pages stay committed.
    void retract(std::uint32_t end) noexcept;

    /// Takes byte offsets from the first block; returns how many bytes the system got back.
    [[nodiscard]] std::size_t discard(std::size_t first, std::size_t end) noexcept;

    /// Includes what was retracted: its pages are still there.
    void unpoison_all() const noexcept { unpoison(blocks_.data(), blocks_.committed()); }

    void add_memory_stats(pool_stats& stats) const noexcept;

    /// Options that ask for more memory like that of the blocks.
    [[nodiscard]] memory_options memory_kind() const noexcept { return blocks_.kind(); }

    /// True when every page was touched at construction, or will be as it is committed.
    [[nodiscard]] bool prefaults() const noexcept { return prefault_; }

    /// From here on no address is a block.
    void retire() noexcept { index_end_ = 0; }

    /// The array that is known of each block, the trailing one of its metadata.
    template <class Record>
    [[nodiscard]] Record* records() const noexcept {
        return reinterpret_cast<Record*>(records_);
    }

    [[nodiscard]] std::size_t stride_bytes() const noexcept { return stride_.bytes(); }

    /// The index of a block; a number above all indices for any other address.
    [[nodiscard]] std::uint64_t index_of(const void* address) const noexcept {
        return stride_.index_of(offset_of(address));
    }

    [[nodiscard]] std::byte* block_at(std::uint64_t index) const noexcept {
        return blocks() + index * stride_.bytes();
    }

protected:
    [[nodiscard]] std::uint64_t offset_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) -
               reinterpret_cast<std::uintptr_t>(first_block_);
    }

private:
    void set_capacity(std::uint32_t blocks) noexcept {
        capacity_.store(blocks, std::memory_order_relaxed); // as capacity()
    }

    void place_in_buffer(const pool_name& name,
                         const pool_layout& layout,
                         const metadata_layout& known,
                         std::span<std::byte> buffer);
    void reserve_pages(const pool_name& name,
                       const pool_layout& layout,
                       const metadata_layout& known,
                       const memory_options& memory);
    [[nodiscard]] int commit(std::uint32_t blocks) noexcept;
    void take_over(block_memory& other) noexcept;

    std::byte* first_block_ = nullptr; // the first cache line is what a free reads
    std::byte* records_ = nullptr;
    runtime_stride stride_;
    std::uint64_t index_end_ = 0;             ///< blocks reserved; 64 bits, as it is compared with
    std::atomic<std::uint32_t> capacity_ = 0; ///< blocks committed; one thread at a time grows
    std::size_t growth_bytes_ = 0;
    std::size_t cost_bytes_ = 0; ///< of a block to its budget: itself, and what is known about it
    byte_budget* budget_ = nullptr;
    int growth_error_ = 0;
    bool prefault_ = false;
    region blocks_;
    pool_metadata metadata_;
};

/// The body of `try_reserve`: commits memory for `blocks`; false beyond the maximum, or when the
/// system refuses.
[[nodiscard]] bool try_reserve(block_memory& storage, std::size_t blocks) noexcept;

/// The body of `reserve`: commits memory for `blocks`, or throws pool_exhausted.
void reserve_or_throw(block_memory& storage,
                      const char* name,
                      std::size_t blocks,
                      std::size_t high_water);

} // namespace detail

MILLPOND_NAMESPACE_END
