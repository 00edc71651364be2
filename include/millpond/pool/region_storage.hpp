// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks side by side in a region that grows in place: the storage of every pool whose size is known at
/// run time.
///
///     metadata   [ lowest level of the occupancy ... | levels above it, what the pool adds | records ... ]
///
/// A record is what is known of one block: a state in a concurrent pool, a position in others. Words of
/// the lowest level and records are the two arrays that grow (pool_metadata.hpp).

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/name.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/block_memory.hpp"
#include "millpond/pool/occupancy.hpp"

#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// All of an empty set: for pools that are destroyed or moved from. Never written.
extern std::uint64_t no_word;

/// A block_memory whose metadata is records and an occupancy: the part that does not depend on
/// how an index is computed.
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

    /// Records from here on must not be read.
    [[nodiscard]] std::uint64_t records_end() const noexcept { return records_end_; }

    [[nodiscard]] std::uint64_t* words() const noexcept { return words_; }

    [[nodiscard]] const occupancy_shape& shape() const noexcept { return shape_; }

    /// The pool's own metadata, zeroed.
    [[nodiscard]] std::byte* extra() const noexcept { return extra_; }

    /// Commits the next step of blocks, and touches their metadata where the pool is sparse and
    /// prefaulted. Such a pool grows in no other way: `grow_to` touches none.
    [[nodiscard]] block_range grow() noexcept;

    /// From here on no address is a block, and no bit says that one is free.
    void retire() noexcept;

    [[nodiscard]] bool owns(const void* address) const noexcept {
        return offset_of(address) < committed_block_bytes();
    }

    [[nodiscard]] misuse_report report_on(const void* address) const noexcept {
        return misuse_report::of(address, blocks(), stride_bytes(), max_capacity());
    }

private:
    void touch_metadata(block_range blocks) noexcept;
    void take_over(region_storage_base& other) noexcept;

    std::uint64_t records_end_ = 0;
    std::size_t record_bytes_ = 0;
    std::size_t bit_blocks_ = 0; ///< blocks for which the occupancy has one bit
    std::uint64_t* words_ = nullptr;
    std::byte* extra_ = nullptr;
    bool touches_metadata_ = false; ///< when it grows
    occupancy_shape shape_;
};

/// Storage in regions whose stride is also known to the type `Stride`.
template <class Stride>
class region_storage : public region_storage_base {
public:
    using erased = region_storage_base;
    using region_storage_base::region_storage_base;

    [[nodiscard]] static std::size_t stride_bytes() noexcept { return Stride::bytes(); }

    /// The index of a block; a number above all indices for any other address.
    [[nodiscard]] std::uint64_t index_of(const void* address) const noexcept {
        return Stride::index_of(offset_of(address));
    }

    [[nodiscard]] std::byte* block_at(std::uint64_t index) const noexcept {
        return blocks() + index * Stride::bytes();
    }
};

/// Storage in regions whose stride is known at run time.
template <>
class region_storage<runtime_stride> : public region_storage_base {
public:
    using erased = region_storage_base;
    using region_storage_base::region_storage_base;
};

} // namespace detail

MILLPOND_NAMESPACE_END
