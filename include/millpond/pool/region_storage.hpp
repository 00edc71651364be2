// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks and metadata in two regions that grow in place: the storage of every pool whose size is
/// known at run time.
///
///     blocks     [ block 0 | block 1 | ... committed ... | reserved up to max_capacity ]
///     metadata   [ one state byte per block, padded to 8 | occupancy words | what the pool adds ]
///
/// The metadata covers max_capacity from the start. On mapped memory that costs address space only:
/// a page that nobody touched is not there.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/byte_budget.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/memory/region.hpp"
#include "millpond/pool/block_state.hpp"
#include "millpond/pool/occupancy.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// The size of a pool, as its options give it and as `checked` has approved it.
struct pool_layout {
    std::size_t stride_bytes = 0;
    std::size_t alignment = 0; ///< of the first block, hence of all
    std::size_t capacity = 0;
    std::size_t max_capacity = 0;
    std::size_t extra_bytes = 0; ///< metadata of the pool's own, aligned to `extra_alignment`
    std::size_t growth_bytes = std::size_t{2}
                               << 20; ///< a growth step is no smaller, if there is room
    byte_budget* budget = nullptr;    ///< shared with other pools; nullptr: none
    bool prefault = false;
    bool is_sparse =
        false; ///< `max_capacity` is address space, and most metadata is never used: it is
               ///< prefaulted with the blocks it belongs to

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
        return metadata_bytes() + alignof(std::uint64_t) + alignment + max_capacity * stride_bytes;
    }
};

/// The part of the storage that does not depend on how an index is computed; compiled once.
class region_storage_base {
public:
    region_storage_base(const pool_name& name,
                        const pool_layout& layout,
                        const memory_options& memory);

    region_storage_base(region_storage_base&& other) noexcept;
    region_storage_base& operator=(region_storage_base&& other) noexcept;
    region_storage_base(const region_storage_base&) = delete;
    region_storage_base& operator=(const region_storage_base&) = delete;
    ~region_storage_base() = default;

    [[nodiscard]] std::byte* blocks() const noexcept { return first_block_; }

    [[nodiscard]] block_state* states() const noexcept { return states_; }

    [[nodiscard]] std::uint64_t* words() const noexcept { return words_; }

    [[nodiscard]] const occupancy_shape& shape() const noexcept { return shape_; }

    /// The pool's own metadata, zeroed.
    [[nodiscard]] std::byte* extra() const noexcept { return extra_; }

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

    /// Commits the next step of blocks: one system call (two when locked or prefaulted).
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

    /// No address is a block any more.
    void retire() noexcept { max_capacity_ = 0; }

protected:
    [[nodiscard]] std::uint64_t offset_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) -
               reinterpret_cast<std::uintptr_t>(first_block_);
    }

private:
    void touch_metadata(block_range blocks) noexcept;

    void set_capacity(std::uint32_t blocks) noexcept {
        capacity_.store(blocks, std::memory_order_relaxed); // as capacity()
    }

    /// What a block costs its budget: itself, and what is known of it.
    [[nodiscard]] std::size_t cost_bytes() const noexcept { return block_bytes_ + 2; }

    void
    place_in_buffer(const pool_name& name, const pool_layout& layout, std::span<std::byte> buffer);
    void
    reserve_pages(const pool_name& name, const pool_layout& layout, const memory_options& memory);
    void take_over(region_storage_base& other) noexcept;

    std::byte* first_block_ = nullptr;
    block_state* states_ = nullptr;
    std::uint64_t* words_ = nullptr;
    std::byte* extra_ = nullptr;
    std::atomic<std::uint32_t> capacity_ = 0; ///< blocks committed; one thread at a time grows
    std::uint32_t max_capacity_ = 0;          ///< blocks reserved
    std::size_t block_bytes_ = 0;
    std::size_t metadata_bytes_ = 0;
    std::size_t growth_bytes_ = 0;
    byte_budget* budget_ = nullptr;
    bool touches_metadata_ = false; ///< when it grows
    int growth_error_ = 0;
    occupancy_shape shape_;
    region blocks_;
    region metadata_;
};

/// The body of `reserve`: commits for `blocks`, or throws pool_exhausted.
void reserve_or_throw(region_storage_base& storage,
                      const char* name,
                      std::size_t blocks,
                      std::size_t high_water);

/// Storage in regions, with the stride in `Stride`.
template <class Stride>
class region_storage : public region_storage_base {
public:
    region_storage(const pool_name& name, const pool_layout& layout, const memory_options& memory)
        : region_storage_base(name, layout, memory)
        , stride_(layout.stride_bytes) {}

    [[nodiscard]] std::size_t stride_bytes() const noexcept { return stride_.bytes(); }

    /// The index of a block, and a number above all indices for every other address.
    [[nodiscard]] std::uint64_t index_of(const void* address) const noexcept {
        return stride_.index_of(offset_of(address));
    }

    [[nodiscard]] std::byte* block_at(std::uint64_t index) const noexcept {
        return blocks() + index * stride_.bytes();
    }

    [[nodiscard]] bool owns(const void* address) const noexcept {
        return offset_of(address) < std::uint64_t{capacity()} * stride_.bytes();
    }

    [[nodiscard]] misuse_report report_on(const void* address) const noexcept {
        return misuse_report::of(address, blocks(), stride_.bytes(), max_capacity());
    }

private:
    [[no_unique_address]] Stride stride_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
