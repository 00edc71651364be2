// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The arithmetic between addresses and indices, and the rounding that sizes need.
///
/// An offset is turned into an index by *exact division*: multiplying by the inverse of the
/// stride's odd part modulo 2^64 and rotating its even part away. For a multiple of the stride the
/// result is the quotient; for everything else it is a number above every possible index. So one
/// comparison checks range, alignment and interior together.
///
///     offset = q * stride               ->  q
///     offset inside a block, or outside ->  at least 2^64 / stride, hence above every index

#include "millpond/base/config.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// The inverse of an odd number modulo 2^64. Newton's step doubles the correct bits: 5, 10, 20, 40, 80.
constexpr std::uint64_t inverse_of_odd(std::uint64_t odd) noexcept {
    std::uint64_t inverse = (odd * 3) ^ 2; // correct in five bits
    for (int step = 0; step < 4; ++step) {
        inverse *= 2 - odd * inverse;
    }
    return inverse;
}

/// A stride known at run time.
class runtime_stride {
public:
    constexpr runtime_stride() noexcept = default;

    explicit constexpr runtime_stride(std::size_t bytes) noexcept
        : inverse_(inverse_of_odd(bytes >> std::countr_zero(bytes)))
        , bytes_(bytes)
        , shift_(std::countr_zero(bytes)) {}

    [[nodiscard]] constexpr std::size_t bytes() const noexcept { return bytes_; }

    [[nodiscard]] constexpr std::uint64_t index_of(std::uint64_t offset) const noexcept {
        return std::rotr(offset * inverse_, shift_);
    }

private:
    std::uint64_t inverse_ = 1;
    std::size_t bytes_ = 1;
    int shift_ = 0;
};

/// A stride known at compile time: the multiplication vanishes for powers of two.
template <std::size_t Bytes>
class static_stride {
public:
    constexpr static_stride() noexcept = default;

    explicit constexpr static_stride(std::size_t /*bytes*/) noexcept {}

    [[nodiscard]] static constexpr std::size_t bytes() noexcept { return Bytes; }

    [[nodiscard]] static constexpr std::uint64_t index_of(std::uint64_t offset) noexcept {
        constexpr int shift = std::countr_zero(Bytes);
        return std::rotr(offset * inverse_of_odd(Bytes >> shift), shift);
    }
};

/// The stride of objects of one type, which may be incomplete until a member is called.
template <class T>
class object_stride {
public:
    constexpr object_stride() noexcept = default;

    explicit constexpr object_stride(std::size_t /*bytes*/) noexcept {}

    [[nodiscard]] static constexpr std::size_t bytes() noexcept { return sizeof(T); }

    [[nodiscard]] static constexpr std::uint64_t index_of(std::uint64_t offset) noexcept {
        return static_stride<sizeof(T)>::index_of(offset);
    }
};

/// Rounds up to a multiple of a power of two; the caller has ruled out overflow.
constexpr std::size_t round_up(std::size_t bytes, std::size_t power_of_two) noexcept {
    return (bytes + power_of_two - 1) & ~(power_of_two - 1);
}

/// The largest power of two that divides the size, up to a cache line: at least what an object of
/// that size can need, and blocks of whole lines start on a line.
constexpr std::size_t natural_alignment(std::size_t bytes) noexcept {
    constexpr std::size_t cache_line = 64;
    const std::size_t lowest_bit = bytes & (~bytes + 1);
    return lowest_bit < cache_line ? lowest_bit : cache_line;
}

} // namespace detail

MILLPOND_NAMESPACE_END
