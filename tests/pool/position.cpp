// SPDX-License-Identifier: MIT
/// \file
/// What a position says, one by one and sixteen at a time: pool/position.hpp.

#include "millpond/pool/position.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <random>

#include <doctest/doctest.h>

using millpond::detail::narrow_position;
using millpond::detail::wide_position;

namespace {

namespace detail = millpond::detail;

/// Any value that a block of a pool with `places` places can have.
std::uint32_t any_value(std::mt19937& random, std::uint32_t places) {
    switch (random() % 4) {
    case 0:
        return detail::position_never;
    case 1:
        return std::array{detail::position_freed,
                          detail::position_dying,
                          detail::position_swept,
                          detail::position_absent}[random() % 4];
    default:
        return static_cast<std::uint32_t>(1 + random() % (places + 1));
    }
}

template <class Position>
bool masks_agree(std::uint32_t places, std::uint32_t height) {
    std::mt19937 random(places + height);
    std::array<Position, detail::word_blocks> line;
    for (int round = 0; round < 2000; ++round) {
        std::uint64_t in_use = 0;
        std::uint64_t beyond = 0;
        std::uint64_t free = 0;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const std::uint32_t value = any_value(random, places);
            line[i] = detail::to_position<Position>(value);
            const bool is_place = value >= 1 && value <= places + 1;
            in_use |= std::uint64_t{is_place ? 1U : 0U} << i;
            beyond |= std::uint64_t{is_place && value > height ? 1U : 0U} << i;
            free |= std::uint64_t{value == detail::position_never || value == detail::position_freed
                                      ? 1U
                                      : 0U}
                    << i;
            if (detail::value_of(line[i]) != value || detail::is_in_use(value) != is_place ||
                detail::is_beyond(line[i], height) != (is_place && value > height)) {
                return false;
            }
        }
        for (const std::uint64_t readable : {16U, 32U, 48U, 64U, 1000U}) {
            const std::uint64_t there =
                readable >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << readable) - 1;
            const Position* const first = line.data();
            if (detail::of_line(first,
                                readable,
                                [](const Position* sixteen) {
                                    return detail::in_use_of_16(sixteen);
                                }) != (in_use & there) ||
                detail::of_line(first,
                                readable,
                                [&](const Position* sixteen) {
                                    return detail::beyond_of_16(sixteen, height);
                                }) != (beyond & there) ||
                detail::of_line(first, readable, [](const Position* sixteen) {
                    return detail::free_of_16(sixteen);
                }) != (free & there)) {
                return false;
            }
        }
    }
    return true;
}

} // namespace

TEST_CASE("the masks of a line agree with its positions one by one, narrow and wide") {
    for (const std::uint32_t places : {1U, 2U, 16U, 127U, 128U, 249U, 250U}) {
        for (const std::uint32_t height : {0U, 1U, places / 2, places}) {
            CAPTURE(places);
            CAPTURE(height);
            CHECK(masks_agree<narrow_position>(places, height));
            CHECK(masks_agree<wide_position>(places, height));
        }
    }
    for (const std::uint32_t height : {0U, 1U, 255U, 256U, 1023U, 1024U}) {
        CHECK(masks_agree<wide_position>(1024, height));
    }
}

TEST_CASE("a magazine has no more places than the pool has blocks, and eight bits where they do") {
    using detail::magazine_places_for;
    CHECK(magazine_places_for(1, 64) == 1);
    CHECK(magazine_places_for(3, 64) == 3);
    CHECK(magazine_places_for(64, 16) == 16);
    CHECK(magazine_places_for(1000, 48) == detail::narrow_places_most);
    CHECK(magazine_places_for(1400, 48) == 525);
    CHECK(magazine_places_for(1'000'000, 64) == 1024);
    CHECK(sizeof(detail::position_for<250>) == 1);
    CHECK(sizeof(detail::position_for<251>) == 2);
}
