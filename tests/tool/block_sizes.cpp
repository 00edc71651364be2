// SPDX-License-Identifier: MIT
/// \file
/// Choosing block sizes for a resource from what a program used.

#include "info/block_sizes.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using millpond::tool::choose_block_sizes;
using millpond::tool::event;
using millpond::tool::no_block;
using millpond::tool::operation;
using millpond::tool::size_profile;
using millpond::tool::size_use;
using millpond::tool::waste_percent;

namespace {

event allocation(std::size_t bytes) {
    event what;
    what.op = operation::allocate;
    what.size_bytes = bytes;
    return what;
}

event release(std::uint64_t block) {
    event what;
    what.op = operation::free;
    what.block = block;
    return what;
}

/// The fewest bytes that any `most` of the sizes waste, tried one by one.
double least_waste(const std::vector<size_use>& uses, std::size_t most) {
    double least = std::numeric_limits<double>::infinity();
    for (std::uint32_t set = 0; set < (1U << uses.size()); ++set) {
        std::vector<std::size_t> sizes;
        for (std::size_t i = 0; i < uses.size(); ++i) {
            if ((set >> i & 1) != 0) {
                sizes.push_back(uses[i].bytes);
            }
        }
        if (sizes.size() <= most && !sizes.empty() && sizes.back() == uses.back().bytes) {
            least = std::min(least, waste_percent(uses, sizes));
        }
    }
    return least;
}

} // namespace

TEST_CASE("a profile counts requests and the most blocks of a size that were live at once") {
    size_profile profile;
    profile.add(allocation(20)); // block 0
    profile.add(allocation(24)); // block 1: the same granule
    profile.add(release(0));
    event resize = allocation(100); // block 2 in place of block 1
    resize.op = operation::reallocate;
    resize.previous = 1;
    profile.add(resize);
    profile.add(allocation(17));                   // block 3
    profile.add(allocation(std::size_t{1} << 20)); // block 4: no pool's
    const std::vector<size_use> uses = profile.uses();
    REQUIRE(uses.size() == 2);
    CHECK(uses[0].bytes == 24);
    CHECK(uses[0].requests == 3);
    CHECK(uses[0].most_live == 2);
    CHECK(uses[0].asked_bytes == 20 + 24 + 17);
    CHECK(uses[1].bytes == 104);
    CHECK(uses[1].most_live == 1);
    CHECK(profile.requests() == 5);
}

TEST_CASE("no set of as many block sizes wastes less than the one that is chosen") {
    std::mt19937 random(1);
    for (int round = 0; round < 40; ++round) {
        std::vector<size_use> uses;
        std::size_t bytes = 0;
        for (std::size_t i = 0; i < 1 + random() % 9; ++i) {
            bytes += 8 * (1 + random() % 20);
            const std::uint64_t live = 1 + random() % 50;
            uses.push_back({bytes, live, live, live * bytes});
        }
        for (std::size_t most = 1; most <= uses.size() + 1; ++most) {
            const std::vector<std::size_t> chosen = choose_block_sizes(uses, most);
            REQUIRE(chosen.size() == std::min(most, uses.size()));
            REQUIRE(std::is_sorted(chosen.begin(), chosen.end()));
            REQUIRE(chosen.back() == uses.back().bytes);
            REQUIRE(waste_percent(uses, chosen) == doctest::Approx(least_waste(uses, most)));
        }
    }
}

TEST_CASE("as many block sizes as there are uses waste nothing but the rounding") {
    const std::vector<size_use> uses{{24, 10, 10, 240}, {104, 1, 1, 100}};
    CHECK(choose_block_sizes(uses, 5) == std::vector<std::size_t>{24, 104});
    CHECK(waste_percent(uses, choose_block_sizes(uses, 5)) == doctest::Approx(4.0 / 340 * 100));
    CHECK(choose_block_sizes({}, 5).empty());
}
