// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A stack of blocks freed lately, of which one thread has many in a concurrent pool. When it is full, a
/// block goes elsewhere; nothing is moved in batches.
///
///     [ oldest . . . . newest ] free places ...

#include "millpond/base/config.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <std::uint32_t Places>
class magazine {
    static_assert(std::has_single_bit(Places), "a place below the newest is a mask away");

public:
    [[nodiscard]] constexpr std::uint32_t size() const noexcept { return size_; }

    [[nodiscard]] constexpr bool empty() const noexcept { return size_ == 0; }

    /// size() < Places.
    constexpr void push(void* block) noexcept { blocks_[size_++] = block; }

    /// The block that was pushed last. Not empty.
    [[nodiscard]] constexpr void* pop() noexcept { return blocks_[--size_]; }

    /// A block that will be popped `ahead` calls from now, or a stale one: only for prefetching.
    [[nodiscard]] constexpr const void* peek(std::uint32_t ahead) const noexcept {
        return blocks_[(size_ - ahead) % Places];
    }

    /// The i-th oldest block; i < size().
    [[nodiscard]] constexpr const void* oldest(std::uint32_t i) const noexcept {
        return blocks_[i];
    }

    constexpr void clear() noexcept { size_ = 0; }

private:
    std::uint32_t size_ = 0;
    std::array<void*, Places> blocks_{};
};

} // namespace detail

MILLPOND_NAMESPACE_END
