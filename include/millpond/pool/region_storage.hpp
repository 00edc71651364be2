// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks and metadata in two regions that grow in place: the storage of every pool whose size is
/// known at run time.
///
///     blocks     [ block 0 | block 1 | ... committed ... | reserved up to max_capacity ]
///     metadata   [ what the kind of pool needs, for max_capacity blocks ]
///
/// Most kinds need this metadata; handle_core.hpp has another:
///
///     metadata   [ one state byte per block, padded to 8 | occupancy words | what the pool adds ]
///
/// The metadata covers max_capacity from the start. On mapped memory that costs address space only:
/// a page that nobody touched is not there.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/memory/region.hpp"
#include "millpond/pool/block_state.hpp"
#include "millpond/pool/occupancy.hpp"

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
    bool prefault = false;

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

    [[nodiscard]] std::uint32_t capacity() const noexcept { return capacity_; }

    [[nodiscard]] std::uint32_t max_capacity() const noexcept { return max_capacity_; }

    [[nodiscard]] std::size_t committed_block_bytes() const noexcept {
        return std::size_t{capacity_} * block_bytes_;
    }

    /// errno of the last refused growth, 0 if none.
    [[nodiscard]] int growth_error() const noexcept { return growth_error_; }

    /// Commits the next step of blocks: one system call (two when locked or prefaulted).
    [[nodiscard]] bool grow() noexcept;

    /// Commits until `blocks` fit; false when the system refuses. At most max_capacity().
    [[nodiscard]] bool grow_to(std::uint32_t blocks) noexcept;

    /// Byte offsets from the first block; returns what the system got back.
    [[nodiscard]] std::size_t discard(std::size_t first, std::size_t end) noexcept;

    void add_memory_stats(pool_stats& stats) const noexcept;

    /// No address is a block any more.
    void retire() noexcept { max_capacity_ = 0; }

private:
    void
    place_in_buffer(const pool_name& name, const pool_layout& layout, std::span<std::byte> buffer);
    void
    reserve_pages(const pool_name& name, const pool_layout& layout, const memory_options& memory);
    void take_over(block_memory& other) noexcept;

    std::byte* first_block_ = nullptr;
    std::uint32_t capacity_ = 0;     ///< blocks committed
    std::uint32_t max_capacity_ = 0; ///< blocks reserved
    std::size_t block_bytes_ = 0;
    std::size_t metadata_bytes_ = 0;
    int growth_error_ = 0;
    region blocks_;
    region metadata_;
};

/// With states and occupancy words as metadata: the part that does not depend on how an index is
/// computed.
class region_storage_base : public block_memory {
public:
    region_storage_base(const pool_name& name,
                        const pool_layout& layout,
                        const memory_options& memory);

    region_storage_base(region_storage_base&& other) noexcept;
    region_storage_base& operator=(region_storage_base&& other) noexcept;
    region_storage_base(const region_storage_base&) = delete;
    region_storage_base& operator=(const region_storage_base&) = delete;
    ~region_storage_base() = default;

    [[nodiscard]] block_state* states() const noexcept { return states_; }

    [[nodiscard]] std::uint64_t* words() const noexcept { return words_; }

    [[nodiscard]] const occupancy_shape& shape() const noexcept { return shape_; }

    /// The pool's own metadata, zeroed.
    [[nodiscard]] std::byte* extra() const noexcept { return extra_; }

private:
    void take_over(region_storage_base& other) noexcept;

    block_state* states_ = nullptr;
    std::uint64_t* words_ = nullptr;
    std::byte* extra_ = nullptr;
    occupancy_shape shape_;
};

/// The body of `reserve`: commits for `blocks`, or throws pool_exhausted.
void reserve_or_throw(block_memory& storage,
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

    [[nodiscard]] std::uint64_t index_of(std::uint64_t offset) const noexcept {
        return stride_.index_of(offset);
    }

private:
    [[no_unique_address]] Stride stride_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
