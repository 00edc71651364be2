// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A ring of recently freed blocks: last in, first out at the head; when it is full the oldest
/// leaves at the tail, one for one, so that no call ever pays for a batch.
///
///      tail                          head
///       v                             v
///       [oldest . . . . . . . . newest] free places ...
///
/// Positions only grow, and wrap with the type; `position % Entries` is the place in the ring.

#include "millpond/base/config.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Enough for a burst of a thousand.
inline constexpr std::uint32_t magazine_entries_most = 1024;

/// The entries of a magazine for blocks whose number is known: no more than there are blocks, and
/// beyond 16 at most a sixteenth of the blocks' own memory.
constexpr std::uint32_t magazine_entries_for(std::size_t blocks,
                                             std::size_t stride_bytes) noexcept {
    const std::size_t affordable = blocks * stride_bytes / (16 * sizeof(void*));
    std::size_t entries = 16;
    while (entries < magazine_entries_most && entries * 2 <= affordable) {
        entries *= 2;
    }
    return static_cast<std::uint32_t>(blocks < entries ? std::bit_ceil(blocks) : entries);
}

template <std::uint32_t Entries>
class magazine {
    static_assert(std::has_single_bit(Entries), "a place in the ring is a mask, not a division");

public:
    [[nodiscard]] constexpr std::uint32_t size() const noexcept { return head_ - tail_; }

    [[nodiscard]] constexpr bool empty() const noexcept { return head_ == tail_; }

    [[nodiscard]] constexpr bool full() const noexcept { return head_ - tail_ == Entries; }

    /// Not full.
    constexpr void push(void* block) noexcept { ring_[head_++ % Entries] = block; }

    /// The block that was pushed last. Not empty.
    [[nodiscard]] constexpr void* pop() noexcept { return ring_[--head_ % Entries]; }

    /// The block that was pushed first. Not empty.
    [[nodiscard]] constexpr void* pop_oldest() noexcept { return ring_[tail_++ % Entries]; }

    /// A block that will be popped `ahead` calls from now, or a stale one: only for prefetching.
    [[nodiscard]] constexpr const void* peek(std::uint32_t ahead) const noexcept {
        return ring_[(head_ - ahead) % Entries];
    }

    /// The i-th oldest block; i < size().
    [[nodiscard]] constexpr const void* oldest(std::uint32_t i) const noexcept {
        return ring_[(tail_ + i) % Entries];
    }

    constexpr void clear() noexcept { tail_ = head_; }

private:
    std::uint32_t head_ = 0;
    std::uint32_t tail_ = 0;
    std::array<void*, Entries> ring_{};
};

} // namespace detail

MILLPOND_NAMESPACE_END
