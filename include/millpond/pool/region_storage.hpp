// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks side by side in a region that grows in place: the storage of every pool whose size is known at
/// run time.
///
///     metadata   [ occupancy words of blocks ... | words above them, what the pool adds | states ... ]
///
/// A word of blocks and eight states are words of the two arrays that grow (pool_metadata.hpp).

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/name.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/block_memory.hpp"
#include "millpond/pool/block_state.hpp"
#include "millpond/pool/occupancy.hpp"

#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// A block_memory whose metadata is states and occupancy words: the part that does not depend on
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

    [[nodiscard]] block_state* states() const noexcept { return states_; }

    [[nodiscard]] std::uint64_t* words() const noexcept { return words_; }

    [[nodiscard]] const occupancy_shape& shape() const noexcept { return shape_; }

    /// The pool's own metadata, zeroed.
    [[nodiscard]] std::byte* extra() const noexcept { return extra_; }

    /// Commits the next step of blocks, and touches their metadata where the pool is sparse and
    /// prefaulted. Such a pool grows in no other way: `grow_to` touches none.
    [[nodiscard]] block_range grow() noexcept;

    /// From here on no address is a block, and no bit says that one is free.
    void retire() noexcept;

private:
    void touch_metadata(block_range blocks) noexcept;
    void take_over(region_storage_base& other) noexcept;

    block_state* states_ = nullptr;
    std::uint64_t* words_ = nullptr;
    std::byte* extra_ = nullptr;
    bool touches_metadata_ = false; ///< when it grows
    occupancy_shape shape_;
};

/// Storage in regions, with the stride in `Stride`.
template <class Stride>
class region_storage : public region_storage_base {
public:
    region_storage(const pool_name& name, const pool_layout& layout, const memory_options& memory)
        : region_storage_base(name, layout, memory)
        , stride_(layout.stride_bytes) {}

    [[nodiscard]] std::size_t stride_bytes() const noexcept { return stride_.bytes(); }

    /// The index of a block; a number above all indices for any other address.
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
