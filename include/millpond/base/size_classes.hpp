// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which block serves a request of a given size: the size classes of a resource.
///
///     bytes      8  16  24 ...  64 | 72  80 ... 128 | 144 160 ... 256 | 288 ... | 64 KiB
///     distance          8          |       8        |       16        |   32    |
///
/// From 64 bytes on there are eight classes to every doubling, so a block is at most an eighth
/// larger than what was asked for. A request with an alignment gets a block whose size is a
/// multiple of it; chunks begin at addresses that are aligned for every block in them.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

class size_classes {
public:
    static constexpr std::size_t granule = 8;              ///< every size is a multiple
    static constexpr std::size_t largest_size = 64 << 10;  ///< larger requests have no class
    static constexpr std::size_t largest_alignment = 4096; ///< a page
    static constexpr std::uint32_t most = 96;

    /// The classes in the picture, up to the first that holds `largest` bytes.
    explicit constexpr size_classes(std::size_t largest = largest_size) noexcept {
        std::size_t size = 0;
        do {
            size = next_size(size);
            sizes_[count_++] = static_cast<std::uint32_t>(size);
        } while (size < largest && size < largest_size);
        index_sizes();
    }

    /// Custom classes: in ascending order, rounded up to the granule, each once, at most `most`,
    /// the last one at most `largest_size`. At least one.
    explicit constexpr size_classes(std::span<const std::size_t> sizes) noexcept {
        for (const std::size_t size : sizes) {
            const auto rounded = static_cast<std::uint32_t>(round_up(size, granule));
            if (count_ == 0 || sizes_[count_ - 1] != rounded) {
                sizes_[count_++] = rounded;
            }
        }
        index_sizes();
    }

    [[nodiscard]] constexpr std::uint32_t count() const noexcept { return count_; }

    /// Bytes of a block; index < count().
    [[nodiscard]] constexpr std::size_t bytes_of(std::uint32_t index) const noexcept {
        return sizes_[index];
    }

    /// Bytes of the block that serves a request; 0 when no class does.
    [[nodiscard]] constexpr std::size_t block_bytes(std::size_t bytes,
                                                    std::size_t alignment) const noexcept {
        const std::uint32_t index = index_of(bytes, alignment);
        return index < count_ ? sizes_[index] : 0;
    }

    [[nodiscard]] constexpr std::size_t largest() const noexcept { return sizes_[count_ - 1]; }

    /// The class that serves a request; count() when none does. The alignment is a power of two.
    [[nodiscard, gnu::always_inline]] constexpr std::uint32_t
    index_of(std::size_t bytes, std::size_t alignment) const noexcept {
        if (alignment <= usual_alignment && bytes <= small_most) [[likely]] {
            return small_[alignment / usual_alignment][(bytes + granule - 1) / granule];
        }
        return alignment > granule ? index_of_aligned(bytes, alignment) : index_of(bytes);
    }

private:
    static constexpr std::size_t small_most = 1024;    ///< up to here a table has the answer,
    static constexpr std::size_t usual_alignment = 16; ///< for what malloc promises, too
    static constexpr std::size_t steps = 8;            ///< classes to a doubling
    static constexpr std::size_t large_places = 48;    ///< steps from small_most to largest_size
    static_assert(small_most << (large_places / steps) == largest_size);

    [[nodiscard]] static constexpr std::size_t next_size(std::size_t size) noexcept {
        const std::size_t doubling = std::bit_floor(size);
        return size + (doubling / steps < granule ? granule : doubling / steps);
    }

    /// The step that a size above small_most falls into.
    [[nodiscard]] static constexpr std::size_t place_of(std::size_t bytes) noexcept {
        const auto log2 = static_cast<std::size_t>(std::bit_width(bytes - 1)) - 1;
        constexpr std::size_t log2_small = std::bit_width(small_most) - 1;
        return (log2 - log2_small) * steps + ((bytes - 1) >> (log2 - 3)) - steps;
    }

    [[nodiscard, gnu::always_inline]] constexpr std::uint32_t
    index_of(std::size_t bytes) const noexcept {
        if (bytes <= small_most) [[likely]] {
            return small_[0][(bytes + granule - 1) / granule];
        }
        if (bytes > largest_size) {
            return count_;
        }
        std::uint32_t index = large_[place_of(bytes)];
        while (index < count_ && sizes_[index] < bytes) {
            ++index; // only custom classes lie closer together than the steps
        }
        return index;
    }

    [[nodiscard, gnu::always_inline]] constexpr std::uint32_t
    index_of_aligned(std::size_t bytes, std::size_t alignment) const noexcept {
        if (bytes > largest_size || alignment > largest_alignment) {
            return count_;
        }
        std::uint32_t index = index_of(round_up(bytes, alignment));
        while (index < count_ && (sizes_[index] & (alignment - 1)) != 0) {
            ++index;
        }
        return index;
    }

    /// Fills the tables: for every size, and for the lower end of every step, the first class that is
    /// large enough.
    constexpr void index_sizes() noexcept {
        std::uint32_t index = 0;
        for (std::size_t i = 0; i < small_[0].size(); ++i) {
            while (index < count_ && sizes_[index] < i * granule) {
                ++index;
            }
            std::uint32_t aligned = index;
            while (aligned < count_ && sizes_[aligned] % usual_alignment != 0) {
                ++aligned;
            }
            small_[0][i] = static_cast<std::uint8_t>(index);
            small_[1][i] = static_cast<std::uint8_t>(aligned);
        }
        index = 0;
        for (std::size_t place = 0, size = small_most; place < large_places; ++place) {
            while (index < count_ && sizes_[index] <= size) {
                ++index;
            }
            large_[place] = static_cast<std::uint8_t>(index);
            size = next_size(size);
        }
    }

    /// By alignment, up to the granule and above it, and by size.
    std::array<std::array<std::uint8_t, small_most / granule + 1>, 2> small_{};
    std::array<std::uint8_t, large_places> large_{};
    std::uint32_t count_ = 0;
    std::array<std::uint32_t, most> sizes_{};
};

} // namespace detail

MILLPOND_NAMESPACE_END
