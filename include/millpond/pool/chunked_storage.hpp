// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks in chunks that come from a std::pmr::memory_resource, one by one: the storage of a resource's
/// pool when the resource was given an upstream.
///
///     part     0          1          2     3          4     5     6     7
///     chunk   [ 0 ]      [ 1 ]      [ 2     3 ]       gone: shrink() returned it, its indices have no
///              upstream   elsewhere  elsewhere        block until another takes its place
///     metadata (own pages)   [ occupancy words | what the pool adds | a record per index ]
///
/// A *part* has 2^n blocks, so an index is a part's number and a place in it. A chunk_directory
/// leads from an address to its part. A chunk is one or more parts, side by side: each chunk is as
/// large as all before it, up to a limit, so that a pool of many blocks asks upstream only a few
/// times. Its parts are opened one by one, so that no growth takes longer than the first. What is
/// known about blocks lies in pages of the storage's own, reserved for `max_capacity`, as in
/// region_storage.

#include "millpond/base/atomic_access.hpp"
#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/region.hpp"
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
    std::size_t part_blocks = 0; ///< a power of two
    std::size_t most_blocks = 0; ///< of a chunk; at least part_blocks
};

class chunked_storage {
public:
    using erased = chunked_storage;

    /// Takes no chunk yet. `layout.capacity` is not used. Throws std::system_error.
    chunked_storage(const pool_name& name, const pool_layout& layout, const chunk_source& source);

    chunked_storage(const chunked_storage&) = delete;
    chunked_storage& operator=(const chunked_storage&) = delete;

    /// Returns every chunk, even one with live blocks.
    ~chunked_storage();

    [[nodiscard]] std::size_t stride_bytes() const noexcept { return stride_.bytes(); }

    /// The index of a block; a number above all indices for any other address.
    [[nodiscard]] std::uint64_t index_of(const void* address) const noexcept {
        const std::uint32_t number = directory_.chunk_near(address);
        if (number == chunk_directory::none) [[unlikely]] {
            return no_index;
        }
        const std::uint64_t offset = reinterpret_cast<std::uintptr_t>(address) -
                                     reinterpret_cast<std::uintptr_t>(part_at(number));
        const std::uint64_t local = stride_.index_of(offset);
        return local <= local_mask_ ? std::uint64_t{number} << part_log2_ | local : no_index;
    }

    [[nodiscard]] std::byte* block_at(std::uint64_t index) const noexcept {
        return part_at(index >> part_log2_) + (index & local_mask_) * stride_.bytes();
    }

    [[nodiscard]] bool owns(const void* address) const noexcept;

    [[nodiscard]] misuse_report report_on(const void* address) const noexcept;

    /// The array that is known of each block.
    template <class Record>
    [[nodiscard]] Record* records() const noexcept {
        return reinterpret_cast<Record*>(records_);
    }

    /// Records from here on must not be read.
    [[nodiscard]] std::uint64_t records_end() const noexcept { return records_end_; }

    [[nodiscard]] std::uint64_t* words() const noexcept { return words_; }

    [[nodiscard]] const occupancy_shape& shape() const noexcept { return shape_; }

    [[nodiscard]] std::byte* extra() const noexcept { return extra_; }

    /// One more than the last index that has or had a block.
    [[nodiscard]] std::uint32_t capacity() const noexcept {
        return capacity_.load(std::memory_order_relaxed); // a bound: who has an index had it before
    }

    [[nodiscard]] std::uint32_t max_capacity() const noexcept { return max_capacity_; }

    /// No block has this index or a higher one.
    [[nodiscard]] std::uint64_t index_end() const noexcept { return max_capacity_; }

    /// Indices below capacity() that have no block now.
    [[nodiscard]] std::uint32_t missing() const noexcept { return missing_; }

    /// The missing indices of one word, as a mask. O(64).
    [[nodiscard]] std::uint64_t missing_in(std::uint32_t word) const noexcept;

    /// Opens the next part of a chunk, which is taken from upstream if need be. Returns its blocks,
    /// or none when there are no more.
    [[nodiscard]] block_range grow() noexcept;

    /// The blocks of the last chunk that begins before an index; none if there is no such chunk.
    /// O(parts).
    [[nodiscard]] block_range chunk_before(std::uint32_t index) const noexcept;

    /// Returns the chunks that lie in [first, end), all of whose blocks are free, after passing
    /// their blocks to `take_out`. Returns the bytes that went upstream.
    template <class TakeOut>
    std::size_t discard(std::uint64_t first, std::uint64_t end, TakeOut take_out) noexcept {
        std::size_t returned = 0;
        block_range chunk = chunk_before(static_cast<std::uint32_t>(end));
        while (!chunk.empty() && chunk.first >= first) {
            if (chunk.end <= end) {
                take_out(chunk);
                returned += return_chunk(chunk);
            }
            chunk = chunk_before(chunk.first);
        }
        return returned;
    }

    void unpoison_all() const noexcept;

    void add_memory_stats(pool_stats& stats) const noexcept;

    [[nodiscard]] static constexpr int growth_error() noexcept { return 0; }

    /// From here on no address is a block, and no bit says that one is free.
    void retire() noexcept {
        max_capacity_ = 0;
        shape_ = occupancy_shape::of(1);
        words_ = &no_word;
    }

    /// Address space that a part costs besides what is known about its blocks.
    [[nodiscard]] static constexpr std::size_t table_bytes_per_part() noexcept {
        return sizeof(part) + chunk_directory::bytes_per_chunk();
    }

private:
    static constexpr std::uint64_t no_index = ~std::uint64_t{0};

    struct part {
        std::byte* begin;       ///< nullptr: not open, or gone
        std::uint32_t parts;    ///< of the chunk or gap that begins here; 0 where none does
        std::uint32_t next_gap; ///< where a gap begins
    };

    [[nodiscard]] std::byte* part_at(std::uint64_t number) const noexcept {
        // As in capacity(): whoever has a block of the part knows about it.
        return atomic_load(parts_[number].begin, std::memory_order_relaxed);
    }

    void set_part(std::uint32_t number, std::byte* begin) noexcept {
        atomic_store(parts_[number].begin, begin, std::memory_order_relaxed); // as above
    }

    [[nodiscard]] bool is_open(std::uint32_t number) const noexcept {
        return part_at(number) != nullptr;
    }

    [[nodiscard]] std::uint32_t number_of(std::uint64_t index) const noexcept {
        return static_cast<std::uint32_t>(index >> part_log2_);
    }

    /// Blocks of the parts from `first` to `end`, the latter not included.
    [[nodiscard]] block_range blocks_of(std::uint32_t first, std::uint32_t end) const noexcept {
        return {first << part_log2_, end << part_log2_};
    }

    [[nodiscard]] std::size_t part_bytes() const noexcept {
        return (static_cast<std::size_t>(local_mask_) + 1) * stride_.bytes();
    }

    [[nodiscard]] bool take_chunk() noexcept;
    [[nodiscard]] std::byte* ask_upstream(std::uint32_t parts) noexcept;
    void give_upstream(std::byte* chunk, std::uint32_t parts) noexcept;
    std::size_t return_chunk(block_range blocks) noexcept;

    template <class Visit>
    void for_each_chunk(Visit visit) const noexcept;

    runtime_stride stride_;
    int part_log2_;
    std::uint64_t local_mask_; ///< blocks of a part, less one
    chunk_directory directory_;
    part* parts_ = nullptr; ///< by number
    std::byte* records_ = nullptr;
    std::uint64_t records_end_;
    std::size_t record_bytes_;
    std::uint64_t* words_ = nullptr;
    std::byte* extra_ = nullptr;
    std::atomic<std::uint32_t> capacity_ = 0;
    std::uint32_t max_capacity_;
    std::uint32_t missing_ = 0;
    std::uint32_t first_gap_ = chunk_directory::none;
    std::uint32_t most_parts_;           ///< of a chunk; a power of two
    std::uint32_t taken_ = 0;            ///< parts, open or not, that are the storage's
    std::uint32_t to_open_ = 0;          ///< the next part of the newest chunk
    std::uint32_t to_open_end_ = 0;      ///< beyond its last part; to_open_ when all are open
    std::byte* to_open_begin_ = nullptr; ///< where the next part lies
    std::pmr::memory_resource* upstream_;
    byte_budget* budget_;
    std::size_t alignment_;
    occupancy_shape shape_;
    region metadata_;
    region part_table_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
