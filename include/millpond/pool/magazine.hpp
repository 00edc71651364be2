// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A small ring of free blocks in front of the occupancy: last in, first out at the head; the
/// oldest leave at the tail, a batch at a time, so that a full magazine never costs more than one
/// batch.
///
///     tail            floor         head
///      v                v             v
///      [oldest . . . . . . . . newest] free places ...
///      |<-- not to be handed out -->|  without noting a new peak
///
/// Positions only grow, and wrap with the type; `position % Entries` is the place in the ring.

#include "millpond/base/config.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <std::uint32_t Entries>
class magazine {
    static_assert(std::has_single_bit(Entries), "a place in the ring is a mask, not a division");

public:
    static constexpr std::uint32_t capacity = Entries;

    [[nodiscard]] constexpr std::uint32_t size() const noexcept { return head_ - tail_; }

    [[nodiscard]] constexpr bool empty() const noexcept { return head_ == tail_; }

    [[nodiscard]] constexpr bool full() const noexcept { return head_ - tail_ == Entries; }

    /// True while `pop` cannot lead to a new peak of live blocks.
    [[nodiscard]] constexpr bool above_floor() const noexcept { return head_ != floor_; }

    /// Sets how many blocks must stay for the old peak to hold; at most size().
    constexpr void set_floor(std::uint32_t blocks) noexcept { floor_ = tail_ + blocks; }

    /// The block that was freed last. Not empty.
    [[nodiscard]] constexpr void* pop() noexcept { return ring_[--head_ % Entries]; }

    /// A block that will be popped `ahead` calls from now, or a stale one: only for prefetching.
    [[nodiscard]] constexpr const void* peek(std::uint32_t ahead) const noexcept {
        return ring_[(head_ - ahead) % Entries];
    }

    /// Not full.
    constexpr void push(void* block) noexcept { ring_[head_++ % Entries] = block; }

    /// The i-th oldest block; i < size().
    [[nodiscard]] constexpr void* oldest(std::uint32_t i) const noexcept {
        return ring_[(tail_ + i) % Entries];
    }

    constexpr void drop_oldest(std::uint32_t blocks) noexcept { tail_ += blocks; }

    /// Empties the ring and returns its first `blocks` places, which the caller fills, in the
    /// order in which they will be popped *last*.
    constexpr void** refill(std::uint32_t blocks) noexcept {
        tail_ = 0;
        floor_ = 0;
        head_ = blocks;
        return ring_.data();
    }

private:
    std::uint32_t head_ = 0;
    std::uint32_t tail_ = 0;
    std::uint32_t floor_ = 0; ///< a position: tail_ <= floor_ <= head_
    std::array<void*, Entries> ring_{};
};

} // namespace detail

MILLPOND_NAMESPACE_END
