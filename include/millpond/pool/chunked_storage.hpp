// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks in chunks that come from a std::pmr::memory_resource, one by one: the storage of a resource's
/// pool when the resource was given an upstream.
///
///     chunk 0 (upstream)     [ block 0 | 1 | ... | 2^n - 1 ]
///     chunk 1 (elsewhere)    [ block 2^n | ... ]
///     chunk 2                gone: shrink() returned it, its indices have no block until it comes back
///     metadata (own pages)   [ a state per index | occupancy words | what the pool adds ]
///
/// All chunks have the same number of blocks, a power of two, so that an index is a chunk's number and a
/// place in it. From an address to its chunk leads a chunk_directory. What is known of blocks lies in
/// pages of the storage's own, reserved for `max_capacity`, as in region_storage.

#include "millpond/base/atomic_access.hpp"
#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/region.hpp"
#include "millpond/pool/block_state.hpp"
#include "millpond/pool/chunk_directory.hpp"
#include "millpond/pool/occupancy.hpp"
#include "millpond/pool/region_storage.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// What a chunked storage needs beyond the size of a pool.
struct chunk_source {
    std::pmr::memory_resource* upstream = nullptr;
    std::size_t chunk_blocks = 0; ///< a power of two
};

class chunked_storage {
public:
    /// Takes no chunk yet. `layout.capacity` is not used. Throws std::system_error.
    chunked_storage(const pool_name& name, const pool_layout& layout, const chunk_source& source);

    chunked_storage(const chunked_storage&) = delete;
    chunked_storage& operator=(const chunked_storage&) = delete;

    /// Returns every chunk, whatever is live in it.
    ~chunked_storage();

    [[nodiscard]] std::size_t stride_bytes() const noexcept { return stride_.bytes(); }

    /// The index of a block, and a number above all indices for every other address.
    [[nodiscard]] std::uint64_t index_of(const void* address) const noexcept {
        const std::uint32_t number = directory_.chunk_near(address);
        if (number == chunk_directory::none) [[unlikely]] {
            return no_index;
        }
        const std::uint64_t offset = reinterpret_cast<std::uintptr_t>(address) -
                                     reinterpret_cast<std::uintptr_t>(chunk_at(number));
        const std::uint64_t local = stride_.index_of(offset);
        return local <= local_mask_ ? std::uint64_t{number} << chunk_log2_ | local : no_index;
    }

    [[nodiscard]] std::byte* block_at(std::uint64_t index) const noexcept {
        return chunk_at(index >> chunk_log2_) + (index & local_mask_) * stride_.bytes();
    }

    [[nodiscard]] bool owns(const void* address) const noexcept;

    [[nodiscard]] misuse_report report_on(const void* address) const noexcept;

    [[nodiscard]] block_state* states() const noexcept { return states_; }

    [[nodiscard]] std::uint64_t* words() const noexcept { return words_; }

    [[nodiscard]] const occupancy_shape& shape() const noexcept { return shape_; }

    [[nodiscard]] std::byte* extra() const noexcept { return extra_; }

    /// Beyond the last index that has or had a block.
    [[nodiscard]] std::uint32_t capacity() const noexcept {
        return capacity_.load(std::memory_order_relaxed); // a bound: who has an index had it before
    }

    [[nodiscard]] std::uint32_t max_capacity() const noexcept { return max_capacity_; }

    /// Indices below capacity() whose chunk is gone.
    [[nodiscard]] std::uint32_t missing() const noexcept { return missing_; }

    /// Those of one word. O(64).
    [[nodiscard]] std::uint64_t missing_in(std::uint32_t word) const noexcept;

    /// Takes a chunk from upstream: its blocks, or none when there is no more.
    [[nodiscard]] block_range grow() noexcept;

    /// Returns the chunks that lie in [first, end), all of whose blocks are free, after telling `take_out`
    /// which blocks those are. Bytes that went upstream.
    template <class TakeOut>
    std::size_t discard(std::uint64_t first, std::uint64_t end, TakeOut take_out) noexcept {
        const std::uint64_t from = (first + local_mask_) >> chunk_log2_;
        std::size_t returned = 0;
        for (std::uint64_t number = end >> chunk_log2_; number > from; --number) {
            const auto last = static_cast<std::uint32_t>(number - 1);
            if (!is_gap(last)) {
                take_out(blocks_of(last));
                returned += return_chunk(last);
            }
        }
        return returned;
    }

    void unpoison_all() const noexcept;

    void add_memory_stats(pool_stats& stats) const noexcept;

    [[nodiscard]] static constexpr int growth_error() noexcept { return 0; }

    /// No address is a block any more.
    void retire() noexcept { max_capacity_ = 0; }

    /// Address space that a chunk costs beside what is known of its blocks.
    [[nodiscard]] static constexpr std::size_t table_bytes_per_chunk() noexcept {
        return sizeof(chunk) + chunk_directory::bytes_per_chunk();
    }

private:
    static constexpr std::uint64_t no_index = ~std::uint64_t{0};

    struct chunk {
        std::byte* begin;       ///< nullptr: a gap
        std::uint32_t next_gap; ///< in a gap
    };

    [[nodiscard]] std::byte* chunk_at(std::uint64_t number) const noexcept {
        // As capacity(): who has a block of it knows of the chunk.
        return atomic_load(chunks_[number].begin, std::memory_order_relaxed);
    }

    void set_chunk(std::uint32_t number, std::byte* begin) noexcept {
        atomic_store(chunks_[number].begin, begin, std::memory_order_relaxed); // as above
    }

    [[nodiscard]] bool is_gap(std::uint32_t number) const noexcept {
        return chunk_at(number) == nullptr;
    }

    [[nodiscard]] block_range blocks_of(std::uint32_t number) const noexcept {
        return {number << chunk_log2_, (number + 1) << chunk_log2_};
    }

    [[nodiscard]] std::size_t chunk_bytes() const noexcept {
        return (static_cast<std::size_t>(local_mask_) + 1) * stride_.bytes();
    }

    [[nodiscard]] std::byte* take_chunk(std::uint32_t number) noexcept;
    std::size_t return_chunk(std::uint32_t number) noexcept;

    runtime_stride stride_;
    int chunk_log2_;
    std::uint64_t local_mask_; ///< blocks of a chunk, less one
    chunk_directory directory_;
    chunk* chunks_ = nullptr; ///< by number
    block_state* states_ = nullptr;
    std::uint64_t* words_ = nullptr;
    std::byte* extra_ = nullptr;
    std::atomic<std::uint32_t> capacity_ = 0;
    std::uint32_t max_capacity_;
    std::uint32_t missing_ = 0;
    std::uint32_t first_gap_ = chunk_directory::none;
    std::pmr::memory_resource* upstream_;
    byte_budget* budget_;
    std::size_t alignment_;
    occupancy_shape shape_;
    region metadata_;
    region chunk_table_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
