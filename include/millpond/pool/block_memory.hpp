// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How large a pool is, and where its memory comes from: blocks and metadata in two regions.
///
///     blocks     [ block 0 | block 1 | ... committed ... | reserved up to max_capacity ]
///     metadata   [ what the pool knows of its blocks, for max_capacity of them ]
///
/// The metadata covers max_capacity from the start. On mapped memory that costs address space only:
/// a page that nobody touched is not there.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/byte_budget.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/memory/region.hpp"
#include "millpond/pool/occupancy.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Pools grow by no less at a time, if nothing else is said.
inline constexpr std::size_t least_growth_bytes = std::size_t{2} << 20;

/// The size of a pool, as its options give it and as `checked` has approved it.
struct pool_layout {
    std::size_t stride_bytes = 0;
    std::size_t alignment = 0; ///< of the first block, hence of all
    std::size_t capacity = 0;
    std::size_t max_capacity = 0;
    std::size_t extra_bytes = 0; ///< metadata of the pool's own, aligned to `extra_alignment`
    std::size_t growth_bytes =
        least_growth_bytes;        ///< a growth step is no smaller, if there is room
    byte_budget* budget = nullptr; ///< shared with other pools; nullptr: none
    bool prefault = false;
    bool is_sparse =
        false; ///< most of `max_capacity` is never used: metadata is prefaulted with its blocks

    static constexpr std::size_t extra_alignment = 128;

    /// Fills in defaults and checks every field: std::invalid_argument names the first bad one.
    [[nodiscard]] static pool_layout checked(const pool_name& name,
                                             std::size_t block_bytes,
                                             std::size_t block_alignment,
                                             std::size_t capacity,
                                             std::size_t max_capacity,
                                             bool prefault);

    /// Makes room for blocks that no option asks for; what is then too much is a bad `capacity`.
    void add_spare_blocks(const pool_name& name, std::size_t blocks);

    [[nodiscard]] std::size_t state_bytes() const noexcept { return round_up(max_capacity, 8); }

    [[nodiscard]] std::size_t metadata_bytes() const noexcept {
        const std::size_t room = extra_bytes == 0 ? 0 : extra_bytes + extra_alignment;
        return extra_offset() + room;
    }

    /// Where the pool's own metadata begins, before it is aligned.
    [[nodiscard]] std::size_t extra_offset() const noexcept {
        return state_bytes() + occupancy_shape::of(max_capacity).words * sizeof(std::uint64_t);
    }

    /// What a caller's buffer must hold, whatever its own alignment.
    [[nodiscard]] std::size_t buffer_bytes() const noexcept {
        return buffer_bytes(metadata_bytes());
    }

    /// The same for a pool that needs so much metadata of another kind.
    [[nodiscard]] std::size_t buffer_bytes(std::size_t metadata) const noexcept {
        return metadata + alignof(std::uint64_t) + alignment + max_capacity * stride_bytes;
    }
};

/// The room that a pool's blocks take, in bytes from the first block on.
struct block_room {
    std::size_t bytes = 0;       ///< reserved for good
    std::size_t ready_bytes = 0; ///< of them, usable at construction
    std::size_t alignment = 1;   ///< of the first block
    bool prefault = false;
};

/// A region for blocks, with what is to be ready committed. The caller has made sure that a buffer is
/// large enough.
[[nodiscard]] region
region_for_blocks(const pool_name& name, const block_room& room, const memory_options& memory);

/// Where the first block lies in a region.
[[nodiscard]] std::byte* first_aligned(const region& blocks, std::size_t alignment) noexcept;

/// By how much blocks that take so many bytes grow at a time: few system calls, and never more than an
/// eighth committed in vain, beyond the least.
[[nodiscard]] std::size_t growth_step(std::size_t bytes,
                                      std::size_t least = least_growth_bytes) noexcept;

/// Blocks, and zeroed metadata beside them whose meaning is somebody else's.
class block_memory {
public:
    block_memory(const pool_name& name,
                 const pool_layout& layout,
                 std::size_t metadata_bytes,
                 const memory_options& memory);

    block_memory(block_memory&& other) noexcept;
    block_memory& operator=(block_memory&& other) noexcept;
    block_memory(const block_memory&) = delete;
    block_memory& operator=(const block_memory&) = delete;
    ~block_memory() = default;

    [[nodiscard]] std::byte* blocks() const noexcept { return first_block_; }

    /// Aligned for a 64-bit word.
    [[nodiscard]] std::byte* metadata() const noexcept { return metadata_.data(); }

    [[nodiscard]] std::uint32_t capacity() const noexcept {
        // A bound for searches: who has a block had its index below the capacity before.
        return capacity_.load(std::memory_order_relaxed);
    }

    [[nodiscard]] std::uint32_t max_capacity() const noexcept { return max_capacity_; }

    [[nodiscard]] std::size_t committed_block_bytes() const noexcept {
        return std::size_t{capacity()} * block_bytes_;
    }

    /// errno of the last refused growth, 0 if none.
    [[nodiscard]] int growth_error() const noexcept { return growth_error_; }

    /// Commits the next step of blocks: one system call (two when locked or prefaulted). Those blocks, or
    /// none when it cannot.
    [[nodiscard]] block_range grow() noexcept;

    /// Commits until `blocks` fit; false when the system refuses. At most max_capacity().
    [[nodiscard]] bool grow_to(std::uint32_t blocks) noexcept;

    /// Returns to the budget what lies beyond `end`: none of those blocks was ever handed out, or all
    /// that is known of them is forgotten. Their pages stay committed.
    void retract(std::uint32_t end) noexcept;

    /// Byte offsets from the first block; returns what the system got back.
    [[nodiscard]] std::size_t discard(std::size_t first, std::size_t end) noexcept;

    /// What was retracted too: its pages are still there.
    void unpoison_all() const noexcept { unpoison(blocks_.data(), blocks_.committed()); }

    void add_memory_stats(pool_stats& stats) const noexcept;

    /// How to ask for more memory like that of the blocks.
    [[nodiscard]] memory_options memory_kind() const noexcept { return blocks_.kind(); }

    /// True when every page was touched at construction, or will be as it is committed.
    [[nodiscard]] bool prefaults() const noexcept { return prefault_; }

    /// No address is a block any more.
    void retire() noexcept { max_capacity_ = 0; }

protected:
    [[nodiscard]] std::uint64_t offset_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) -
               reinterpret_cast<std::uintptr_t>(first_block_);
    }

private:
    void set_capacity(std::uint32_t blocks) noexcept {
        capacity_.store(blocks, std::memory_order_relaxed); // as capacity()
    }

    /// What a block costs its budget: itself, and what is known of it.
    [[nodiscard]] std::size_t cost_bytes() const noexcept { return block_bytes_ + 2; }

    void
    place_in_buffer(const pool_name& name, const pool_layout& layout, std::span<std::byte> buffer);
    void
    reserve_pages(const pool_name& name, const pool_layout& layout, const memory_options& memory);
    void take_over(block_memory& other) noexcept;

    std::byte* first_block_ = nullptr;
    std::atomic<std::uint32_t> capacity_ = 0; ///< blocks committed; one thread at a time grows
    std::uint32_t max_capacity_ = 0;          ///< blocks reserved
    std::size_t block_bytes_ = 0;
    std::size_t metadata_bytes_ = 0;
    std::size_t growth_bytes_ = 0;
    byte_budget* budget_ = nullptr;
    int growth_error_ = 0;
    bool prefault_ = false;
    region blocks_;
    region metadata_;
};

/// The body of `try_reserve`: commits for `blocks`; false beyond the maximum, or when the system refuses.
[[nodiscard]] bool try_reserve(block_memory& storage, std::size_t blocks) noexcept;

/// The body of `reserve`: commits for `blocks`, or throws pool_exhausted.
void reserve_or_throw(block_memory& storage,
                      const char* name,
                      std::size_t blocks,
                      std::size_t high_water);

} // namespace detail

MILLPOND_NAMESPACE_END
