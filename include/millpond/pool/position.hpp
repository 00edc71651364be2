// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The out-of-band *position* that each block of a pool for one thread has: where on the magazine it was
/// put when it was last freed, or what else is to be known of it.
///
///     0                  never handed out since construction or `clear`
///     1 .. places        was put at this place of the magazine; is it still there? see pool_core.hpp
///     places + 1         handed out from a line, and not freed since
///     the highest four   see below
///
/// A position has eight bits where that suffices for all places, else sixteen. The positions of 64
/// neighbouring blocks are a *line*; which of its blocks are free is found by comparing them all.

#include "millpond/base/config.hpp"
#include "millpond/pool/occupancy.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#if defined(__SSE2__)
#    include <emmintrin.h>
#endif

MILLPOND_NAMESPACE_BEGIN

namespace detail {

// Enums, not numbers: a byte may alias everything, so the compiler would reload every member after
// writing one.
enum class narrow_position : std::uint8_t {};
enum class wide_position : std::uint16_t {};

inline constexpr std::uint32_t narrow_places_most = 250;

/// Of the blocks of a pool whose magazine has so many places.
template <std::uint32_t Places>
using position_for =
    std::conditional_t<Places <= narrow_places_most, narrow_position, wide_position>;

/// Enough for a burst of a thousand.
inline constexpr std::uint32_t magazine_places = 1024;

/// Places for blocks whose number is known: no more than there are blocks, and beyond 16 at most a
/// sixteenth of the blocks' own memory.
constexpr std::uint32_t magazine_places_for(std::size_t blocks, std::size_t stride_bytes) noexcept {
    std::size_t places = blocks * stride_bytes / (16 * sizeof(void*));
    places = places < 16 ? 16 : places > magazine_places ? magazine_places : places;
    places = places < std::size_t{2} * narrow_places_most && places > narrow_places_most
                 ? narrow_places_most
                 : places;
    return static_cast<std::uint32_t>(blocks < places ? blocks : places);
}

/// What a position says when it is no place: the low bits of one of these.
inline constexpr std::uint32_t position_never = 0;
inline constexpr std::uint32_t position_freed = ~0U; ///< beyond the magazine, or being handed out
inline constexpr std::uint32_t position_dying = ~0U - 1; ///< the block's destructor runs
inline constexpr std::uint32_t position_swept = ~0U - 2; ///< destroyed by `clear` or the pool's end
inline constexpr std::uint32_t position_absent = ~0U - 3; ///< the block's chunk is gone

template <class Position>
[[nodiscard]] constexpr Position to_position(std::uint32_t value) noexcept {
    return static_cast<Position>(static_cast<std::underlying_type_t<Position>>(value));
}

/// A place, or one of the values above.
template <class Position>
[[nodiscard]] constexpr std::uint32_t value_of(Position position) noexcept {
    const auto value = static_cast<std::uint32_t>(position);
    constexpr std::uint32_t low_bits = static_cast<std::underlying_type_t<Position>>(~0U);
    return value < (position_absent & low_bits) ? value : value | ~low_bits;
}

/// True for a block that is live or in the magazine.
[[nodiscard]] constexpr bool is_in_use(std::uint32_t value) noexcept {
    return value - 1 < position_absent - 1;
}

[[nodiscard]] constexpr bool is_in_use(narrow_position position) noexcept {
    return static_cast<std::uint32_t>(position) - 1 <= narrow_places_most;
}

[[nodiscard]] constexpr bool is_in_use(wide_position position) noexcept {
    return static_cast<std::int16_t>(position) > 0; // what is no place is negative
}

/// True for a block that is in use and was last put beyond a place.
[[nodiscard]] constexpr bool is_beyond(narrow_position position, std::uint32_t place) noexcept {
    return static_cast<std::uint32_t>(position) - place - 1 <= narrow_places_most - place;
}

[[nodiscard]] constexpr bool is_beyond(wide_position position, std::uint32_t place) noexcept {
    return static_cast<std::int16_t>(position) > static_cast<std::int32_t>(place); // else negative
}

/// True for a block that can be handed out.
[[nodiscard]] constexpr bool is_free(std::uint32_t value) noexcept {
    return value + 1 <= 1;
}

#if defined(__SSE2__)

// Sixteen positions compared at once: a bit for each.

[[nodiscard]] inline __m128i load_16_bytes(const void* from) noexcept {
    return _mm_loadu_si128(static_cast<const __m128i*>(from));
}

[[nodiscard]] inline std::uint64_t bits_of(__m128i bytes) noexcept {
    return static_cast<std::uint32_t>(_mm_movemask_epi8(bytes));
}

/// All bits of each byte that is at most `limit`.
[[nodiscard]] inline __m128i up_to(__m128i bytes, std::uint32_t limit) noexcept {
    const __m128i above = _mm_subs_epu8(bytes, _mm_set1_epi8(static_cast<char>(limit)));
    return _mm_cmpeq_epi8(above, _mm_setzero_si128());
}

[[nodiscard]] inline std::uint64_t beyond_of_16(const narrow_position* first,
                                                std::uint32_t place) noexcept {
    const __m128i values = load_16_bytes(first);
    return bits_of(_mm_andnot_si128(up_to(values, place), up_to(values, narrow_places_most + 1)));
}

[[nodiscard]] inline std::uint64_t in_use_of_16(const narrow_position* first) noexcept {
    return beyond_of_16(first, 0);
}

/// A bit for each byte that is 0 or 255: these alone, less one, still reach 128 when 126 is taken off.
[[nodiscard]] inline std::uint64_t free_of_16(__m128i bytes) noexcept {
    const auto less_one = reinterpret_cast<__m128i>(reinterpret_cast<__v16qu>(bytes) - 1);
    return bits_of(_mm_subs_epu8(less_one, _mm_set1_epi8(126)));
}

[[nodiscard]] inline std::uint64_t free_of_16(const narrow_position* first) noexcept {
    return free_of_16(load_16_bytes(first));
}

/// Sixteen wide positions as bytes: places become positive, `freed` and the values below it -1 and less.
[[nodiscard]] inline __m128i signs_of_16(const wide_position* first) noexcept {
    return _mm_packs_epi16(load_16_bytes(first), load_16_bytes(first + 8));
}

[[nodiscard]] inline std::uint64_t in_use_of_16(const wide_position* first) noexcept {
    return bits_of(_mm_cmpgt_epi8(signs_of_16(first), _mm_setzero_si128()));
}

[[nodiscard]] inline std::uint64_t free_of_16(const wide_position* first) noexcept {
    return free_of_16(signs_of_16(first));
}

[[nodiscard]] inline std::uint64_t beyond_of_16(const wide_position* first,
                                                std::uint32_t place) noexcept {
    // What is no place is negative here.
    const __m128i most = _mm_set1_epi16(static_cast<short>(place));
    return bits_of(_mm_packs_epi16(_mm_cmpgt_epi16(load_16_bytes(first), most),
                                   _mm_cmpgt_epi16(load_16_bytes(first + 8), most)));
}

#else

/// A bit for each of sixteen positions of which `holds` is true.
template <class Position, class Holds>
[[nodiscard]] std::uint64_t mask_of_16(const Position* first, Holds holds) noexcept {
    std::uint64_t mask = 0;
    for (std::uint32_t i = 0; i < 16; ++i) {
        mask |= std::uint64_t{holds(first[i]) ? 1U : 0U} << i;
    }
    return mask;
}

template <class Position>
[[nodiscard]] std::uint64_t beyond_of_16(const Position* first, std::uint32_t place) noexcept {
    return mask_of_16(first, [place](Position at) { return is_beyond(at, place); });
}

template <class Position>
[[nodiscard]] std::uint64_t in_use_of_16(const Position* first) noexcept {
    return mask_of_16(first, [](Position at) { return is_in_use(value_of(at)); });
}

/// As many as fit in a word at once: all bits of 0 and of `freed` are equal, whatever the order of bytes.
template <class Position>
[[nodiscard]] std::uint64_t free_of_16(const Position* first) noexcept {
    constexpr int bits = 8 * sizeof(Position);
    constexpr int in_word = 64 / bits;
    constexpr std::uint64_t lowest = ~std::uint64_t{0} / ((std::uint64_t{1} << bits) - 1);
    constexpr std::uint64_t highest = lowest << (bits - 1);
    // A product moves the highest bits to the top of the word, side by side.
    constexpr std::uint64_t together =
        ((std::uint64_t{1} << (bits - 1) * in_word) - 1) / ((std::uint64_t{1} << (bits - 1)) - 1);
    std::uint64_t mask = 0;
    for (int i = 0; i < 16; i += in_word) {
        std::uint64_t word = 0;
        std::memcpy(&word, first + i, sizeof word);
        if constexpr (std::endian::native == std::endian::big) {
            word = __builtin_bswap64(word); // the first position comes lowest
        }
        const std::uint64_t changes = (word ^ word << 1) & ~lowest;
        const std::uint64_t mixed = changes | ((changes & ~highest) + ~highest);
        mask |= ((~mixed & highest) * together >> (64 - in_word)) << i;
    }
    return mask;
}

#endif

/// Blocks whose positions are read together; arrays of positions are padded to as many.
inline constexpr std::uint32_t position_group = 16;

/// The mask of a whole line, from a function that gives it for sixteen positions.
template <class Position, class OfSixteen>
[[nodiscard]] std::uint64_t of_line(const Position* line, OfSixteen of_16) noexcept {
    static_assert(position_group * 4 == word_blocks);
    return of_16(line) | of_16(line + position_group) << position_group |
           of_16(line + 2 * position_group) << (2 * position_group) |
           of_16(line + 3 * position_group) << (3 * position_group);
}

/// The mask of a line of which `readable` positions are there, a multiple of `position_group`.
template <class Position, class OfSixteen>
[[nodiscard]] std::uint64_t
of_line(const Position* line, std::uint64_t readable, OfSixteen of_16) noexcept {
    if (readable >= word_blocks) [[likely]] {
        return of_line(line, of_16);
    }
    std::uint64_t mask = 0;
    for (std::uint64_t i = 0; i < readable; i += position_group) {
        mask |= of_16(line + i) << i;
    }
    return mask;
}

/// Which blocks of a line are live, as a mask. Those with a position beyond `height` are; of the others in
/// use, which are few, `is_in_magazine(i)` tells.
template <class Position, class IsInMagazine>
[[nodiscard]] std::uint64_t live_of_line(const Position* line,
                                         std::uint64_t readable,
                                         std::uint32_t height,
                                         IsInMagazine is_in_magazine) noexcept {
    std::uint64_t live = of_line(line, readable, [height](const Position* sixteen) {
        return beyond_of_16(sixteen, height);
    });
    std::uint64_t unsure = live ^ of_line(line, readable, [](const Position* sixteen) {
                               return in_use_of_16(sixteen);
                           });
    for (; unsure != 0; unsure &= unsure - 1) {
        const auto block = trailing_zeros(unsure);
        if (!is_in_magazine(block)) {
            live |= std::uint64_t{1} << block;
        }
    }
    return live;
}

} // namespace detail

MILLPOND_NAMESPACE_END
