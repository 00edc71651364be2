// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks and metadata as members: the storage of the static pools. No pointer is stored, and the
/// initial state is all zero, so a static pool without a name lies in .bss.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/pool/occupancy.hpp"
#include "millpond/pool/position.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <std::size_t Stride, std::size_t Alignment, std::size_t Blocks, class Position>
class inline_storage {
    static_assert(Blocks >= 1, "a pool holds at least one block");
    static_assert(Blocks < ~std::uint32_t{0}, "an index fits in 32 bits");
    static_assert(std::has_single_bit(Alignment) && Stride % Alignment == 0,
                  "every block is aligned because the first one is");

    static constexpr occupancy_shape shape_ =
        occupancy_shape::of((Blocks + word_blocks - 1) / word_blocks);

public:
    using erased = inline_storage;

    constexpr inline_storage() noexcept = default;
    inline_storage(const inline_storage&) = delete;
    inline_storage& operator=(const inline_storage&) = delete;
    ~inline_storage() = default;

    [[nodiscard]] static constexpr std::size_t stride_bytes() noexcept { return Stride; }

    [[nodiscard]] std::uint64_t index_of(const void* address) const noexcept {
        return static_stride<Stride>::index_of(offset_of(address));
    }

    [[nodiscard]] std::byte* block_at(std::uint64_t index) const noexcept {
        return blocks() + index * Stride;
    }

    [[nodiscard]] bool owns(const void* address) const noexcept {
        return offset_of(address) < Blocks * Stride;
    }

    [[nodiscard]] misuse_report report_on(const void* address) const noexcept {
        return misuse_report::of(address, blocks(), Stride, Blocks);
    }

    // Constness here is that of the address, not of the blocks: the pool hands them out for
    // writing.
    [[nodiscard]] std::byte* blocks() const noexcept { return blocks_.data(); }

    /// The positions of the blocks.
    template <class Record>
    [[nodiscard]] Record* records() const noexcept {
        return positions_.data();
    }

    /// Positions from here on must not be read.
    [[nodiscard]] static constexpr std::uint64_t records_end() noexcept {
        return round_up(Blocks, position_group);
    }

    [[nodiscard]] std::uint64_t* words() const noexcept { return words_.data(); }

    [[nodiscard]] static constexpr const occupancy_shape& shape() noexcept { return shape_; }

    [[nodiscard]] static constexpr std::uint32_t capacity() noexcept { return Blocks; }

    [[nodiscard]] static constexpr std::uint32_t max_capacity() noexcept { return Blocks; }

    [[nodiscard]] static constexpr std::uint64_t index_end() noexcept { return Blocks; }

    [[nodiscard]] static constexpr block_range grow() noexcept { return {}; }

    /// Called later than construction: a static pool exists before any code has run that could do
    /// it.
    void poison_all() const noexcept { poison(blocks(), Blocks * Stride); }

    void unpoison_all() const noexcept { unpoison(blocks(), Blocks * Stride); }

    [[nodiscard]] static constexpr int growth_error() noexcept { return 0; }

    [[nodiscard]] static constexpr std::size_t discard(std::size_t /*first*/,
                                                       std::size_t /*end*/) noexcept {
        return 0;
    }

    static constexpr void add_memory_stats(pool_stats& stats) noexcept {
        stats.bytes_metadata = sizeof positions_ + sizeof words_;
        stats.bytes_committed = sizeof blocks_ + stats.bytes_metadata;
    }

    /// From here on no block is live, and none is free.
    void retire() noexcept {
        positions_.fill(to_position<Position>(position_freed));
        words_.fill(0);
    }

private:
    [[nodiscard]] std::uint64_t offset_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) -
               reinterpret_cast<std::uintptr_t>(blocks());
    }

    alignas(Alignment) mutable std::array<std::byte, Stride * Blocks> blocks_{};
    mutable std::array<std::uint64_t, shape_.words> words_{};
    mutable std::array<Position, round_up(Blocks, position_group)> positions_{};
};

} // namespace detail

MILLPOND_NAMESPACE_END
