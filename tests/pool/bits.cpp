// SPDX-License-Identifier: MIT
/// \file
/// Exact division, rounding and natural alignment: base/bits.hpp.

#include "millpond/base/bits.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>

#include <doctest/doctest.h>

namespace detail = millpond::detail;

namespace {

/// The largest number of blocks that a pool with this stride can have.
std::uint64_t most_blocks(std::uint64_t stride) {
    const std::uint64_t by_size = SIZE_MAX / 4 / stride;
    return by_size < 0xffffffffU ? by_size : 0xffffffffU;
}

/// True when `index_of` answers offset / stride for multiples inside the pool and a number no block
/// has for everything else.
bool answers_exactly(const detail::runtime_stride& stride, std::uint64_t offset) {
    const std::uint64_t most = most_blocks(stride.bytes());
    const std::uint64_t index = stride.index_of(offset);
    const bool is_block = offset % stride.bytes() == 0 && offset / stride.bytes() < most;
    return is_block ? index == offset / stride.bytes() : index >= most;
}

} // namespace

TEST_CASE("every offset from a pool of up to 64-byte blocks divides exactly or is no index") {
    bool exact = true;
    for (std::size_t bytes = 1; bytes <= 64; ++bytes) {
        const detail::runtime_stride stride(bytes);
        for (std::uint64_t offset = 0; offset < 64 * bytes; ++offset) {
            exact = exact && answers_exactly(stride, offset);
            exact = exact && answers_exactly(stride, 0 - offset); // below the first block
        }
    }
    CHECK(exact);
}

TEST_CASE("offsets drawn at random divide exactly for strides of every magnitude") {
    std::mt19937_64 random(20261121);
    bool exact = true;
    for (int i = 0; i < 400'000; ++i) {
        const std::uint64_t bytes = (random() >> (random() % 62 + 2)) + 1;
        const detail::runtime_stride stride(bytes);
        const std::uint64_t index = random() % most_blocks(bytes);
        const std::uint64_t offset = index * bytes;
        exact = exact && stride.index_of(offset) == index;
        exact = exact && answers_exactly(stride, offset + 1) && answers_exactly(stride, offset - 1);
        exact = exact && answers_exactly(stride, offset + bytes / 2);
        exact = exact && answers_exactly(stride, random());
    }
    CHECK(exact);
}

TEST_CASE("a stride known at compile time divides like one known at run time") {
    std::mt19937_64 random(7);
    bool same = true;
    for (int i = 0; i < 100'000; ++i) {
        const std::uint64_t offset = random() >> (random() % 60);
        same = same && detail::static_stride<1>::index_of(offset) ==
                           detail::runtime_stride(1).index_of(offset);
        same = same && detail::static_stride<48>::index_of(offset) ==
                           detail::runtime_stride(48).index_of(offset);
        same = same && detail::static_stride<4096>::index_of(offset) ==
                           detail::runtime_stride(4096).index_of(offset);
    }
    CHECK(same);
}

TEST_CASE("round_up returns the next multiple and leaves multiples alone") {
    CHECK(detail::round_up(0, 8) == 0);
    CHECK(detail::round_up(1, 8) == 8);
    CHECK(detail::round_up(8, 8) == 8);
    CHECK(detail::round_up(4097, 4096) == 8192);
}

TEST_CASE("natural alignment is the lowest bit of a size up to that of max_align_t") {
    CHECK(detail::natural_alignment(1) == 1);
    CHECK(detail::natural_alignment(6) == 2);
    CHECK(detail::natural_alignment(24) == 8);
    CHECK(detail::natural_alignment(64) == 64);
    CHECK(detail::natural_alignment(2048) == 64);
}
