// SPDX-License-Identifier: MIT
/// \file
/// Which class serves a request: compared with a search that looks at every class, for every size.

#include "millpond/base/size_classes.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "support/sanitized.hpp"
#include <doctest/doctest.h>

using millpond::detail::size_classes;
using millpond::test::effort;

namespace {

constexpr std::size_t most_bytes = std::numeric_limits<std::size_t>::max();
constexpr std::array<std::size_t, 13> alignments{
    1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096};

/// The smallest class that is large enough and a multiple of the alignment, from `first` on; or none.
std::uint32_t
search(const size_classes& classes, std::uint32_t first, std::size_t bytes, std::size_t alignment) {
    std::uint32_t index = first;
    while (index < classes.count() &&
           (classes.bytes_of(index) < bytes || classes.bytes_of(index) % alignment != 0)) {
        ++index;
    }
    return index;
}

/// Compares every size up to beyond the largest with the search; empty when all agree.
std::string disagreement(const size_classes& classes, std::size_t step = 1) {
    for (const std::size_t alignment : alignments) {
        std::uint32_t expected = 0; // grows with the size, so that the search goes on where it was
        for (std::size_t bytes = 0; bytes <= size_classes::largest_size + 9; bytes += step) {
            expected = search(classes, expected, bytes, alignment);
            const std::uint32_t found = classes.index_of(bytes, alignment);
            const std::size_t block = classes.block_bytes(bytes, alignment);
            const std::size_t right = expected < classes.count() ? classes.bytes_of(expected) : 0;
            if (found != expected || block != right) {
                return std::to_string(bytes) + " bytes aligned to " + std::to_string(alignment) +
                       " are of class " + std::to_string(found) + ", not " +
                       std::to_string(expected);
            }
        }
    }
    return {};
}

size_classes by_hand(std::vector<std::size_t> sizes) {
    return size_classes(std::span<const std::size_t>(sizes));
}

} // namespace

TEST_CASE("every request has the smallest class that is large and aligned enough") {
    CHECK(disagreement(size_classes()) == "");
}

TEST_CASE("classes up to a largest size agree with a search and end with the first that holds it") {
    for (const std::size_t largest : {1U, 8U, 9U, 64U, 65U, 1000U, 1024U, 1025U, 4095U, 65'535U}) {
        CAPTURE(largest);
        const size_classes classes(largest);
        CHECK(disagreement(classes, effort(3, 5, 31)) == "");
        CHECK(classes.largest() >= largest);
        CHECK((classes.count() == 1 || classes.bytes_of(classes.count() - 2) < largest));
    }
    CHECK(size_classes(0).count() == 1);
    CHECK(size_classes(0).largest() == size_classes::granule);
    CHECK(size_classes(most_bytes).largest() == size_classes::largest_size);
}

TEST_CASE("the usual classes waste at most an eighth from 64 bytes on and seven bytes below") {
    const size_classes classes;
    std::size_t worst = 0;
    for (std::size_t bytes = 1; bytes <= size_classes::largest_size; ++bytes) {
        const std::size_t wasted = classes.block_bytes(bytes, 1) - bytes;
        worst = std::max(worst, bytes < 64 ? (wasted <= 7 ? 0 : bytes) : 0);
        worst = std::max(worst, bytes >= 64 && wasted * 8 > bytes ? bytes : 0);
    }
    CHECK(worst == 0); // else the size that is served badly
}

TEST_CASE("the usual classes are few, ascend, and are multiples of eight") {
    const size_classes classes;
    CHECK(classes.count() == 88);
    CHECK(classes.count() <= size_classes::most);
    CHECK(classes.bytes_of(0) == 8);
    CHECK(classes.largest() == std::size_t{64} << 10);
    bool in_order = true;
    for (std::uint32_t index = 0; index < classes.count(); ++index) {
        in_order = in_order && classes.bytes_of(index) % 8 == 0;
        in_order =
            in_order && (index == 0 || classes.bytes_of(index - 1) < classes.bytes_of(index));
    }
    CHECK(in_order);
}

TEST_CASE("random classes by hand agree with a search for every size and alignment") {
    std::mt19937 random(5);
    for (int round = 0; round < effort(4, 2, 1); ++round) {
        CAPTURE(round);
        // Powers of two and their neighbours, small and large sizes, few and many, some of them twice.
        std::vector<std::size_t> sizes(1 + random() % size_classes::most);
        for (std::size_t& size : sizes) {
            const std::size_t limit = std::size_t{1} << (3 + random() % 14);
            size = random() % 4 == 0 ? limit : 1 + random() % limit;
        }
        std::sort(sizes.begin(), sizes.end());
        CHECK(disagreement(by_hand(sizes)) == "");
    }
}

TEST_CASE("as many classes as there may be lie as close as they can and agree with a search") {
    for (const std::size_t first : {8U, 512U, 1000U, 1024U, 1032U, 32'768U, 64'000U}) {
        CAPTURE(first);
        std::vector<std::size_t> sizes(size_classes::most);
        for (std::size_t i = 0; i < sizes.size(); ++i) {
            sizes[i] = first + 8 * i;
        }
        const size_classes classes = by_hand(sizes);
        CHECK(classes.count() == size_classes::most);
        CHECK(disagreement(classes, effort(3, 5, 31)) == "");
    }
}

TEST_CASE("a size by hand serves requests of exactly that many bytes") {
    const size_classes classes = by_hand({40, 96, 1000, 1032, 5000});
    CHECK(classes.count() == 5);
    CHECK(classes.block_bytes(0, 1) == 40);
    CHECK(classes.block_bytes(40, 8) == 40);
    CHECK(classes.block_bytes(41, 8) == 96);
    CHECK(classes.block_bytes(40, 16) == 96);
    CHECK(classes.block_bytes(96, 32) == 96);
    CHECK(classes.block_bytes(96, 64) == 0); // no class is a multiple of 64
    CHECK(classes.block_bytes(97, 8) == 1000);
    CHECK(classes.block_bytes(1000, 8) == 1000);
    CHECK(classes.block_bytes(1001, 8) == 1032);
    CHECK(classes.block_bytes(1024, 8) == 1032);
    CHECK(classes.block_bytes(1032, 8) == 1032);
    CHECK(classes.block_bytes(1033, 8) == 5000);
    CHECK(classes.block_bytes(5000, 8) == 5000);
    CHECK(classes.block_bytes(5001, 8) == 0);
}

TEST_CASE(
    "sizes by hand are rounded up to multiples of eight and those that fall together are one") {
    const size_classes classes = by_hand({1, 2, 8, 9, 17, 23, 24, 65'530, 65'536});
    REQUIRE(classes.count() == 4);
    CHECK(classes.bytes_of(0) == 8);
    CHECK(classes.bytes_of(1) == 16);
    CHECK(classes.bytes_of(2) == 24);
    CHECK(classes.bytes_of(3) == 65'536);
}

TEST_CASE("no bytes are served by the smallest class that is aligned enough") {
    const size_classes classes;
    for (const std::size_t alignment : alignments) {
        CHECK(classes.block_bytes(0, alignment) == std::max<std::size_t>(alignment, 8));
    }
}

TEST_CASE("sizes beyond the largest class and up to the largest number have no class") {
    const size_classes classes;
    const size_classes few = by_hand({40, 64});
    for (const std::size_t alignment : alignments) {
        for (std::size_t bytes : {most_bytes,
                                  most_bytes - 1,
                                  most_bytes - 7,
                                  most_bytes - 8,
                                  most_bytes - 4095,
                                  most_bytes / 2,
                                  most_bytes / 2 + 1,
                                  std::size_t{1} << 32,
                                  (std::size_t{64} << 10) + 1}) {
            CAPTURE(bytes);
            CHECK(classes.index_of(bytes, alignment) == classes.count());
            CHECK(classes.block_bytes(bytes, alignment) == 0);
            CHECK(few.index_of(bytes, alignment) == few.count());
        }
    }
}

TEST_CASE("alignments beyond a page have no class however few the bytes") {
    const size_classes classes;
    for (std::size_t alignment = 8192; alignment != 0; alignment <<= 1) {
        for (const std::size_t bytes :
             {std::size_t{0}, std::size_t{1}, std::size_t{8192}, most_bytes}) {
            CHECK(classes.index_of(bytes, alignment) == classes.count());
        }
    }
}
