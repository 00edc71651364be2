// SPDX-License-Identifier: MIT
/// \file
/// A set of numbers in bits with summaries, against a std::set: pool/occupancy.hpp.

#include "millpond/pool/occupancy.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include <doctest/doctest.h>

using millpond::detail::occupancy;
using millpond::detail::occupancy_shape;

namespace {

/// Words and shape of a set of numbers below a limit, empty.
struct fixture {
    explicit fixture(std::size_t limit)
        : shape(occupancy_shape::of(limit))
        , words(shape.words) {}

    // Not inlined: GCC 12 would see that a vector of no words has no data, and warn of that.
    [[gnu::noinline]] occupancy bits() { return {words.data(), shape}; }

    occupancy_shape shape;
    std::vector<std::uint64_t> words;
};

/// Random changes to numbers below `limit`; true when a std::set agrees throughout.
bool agrees_with_a_set(std::uint32_t limit, int steps) {
    fixture under_test(limit);
    std::set<std::uint32_t> expected;
    std::mt19937_64 random(limit);
    for (int step = 0; step < steps; ++step) {
        const auto number = static_cast<std::uint32_t>(random() % limit);
        if (under_test.bits().contains(number) != expected.contains(number)) {
            return false;
        }
        if (random() % 3 != 0) {
            under_test.bits().insert(number); // again, at times
            expected.insert(number);
        } else if (!expected.empty() && random() % 2 == 0) {
            under_test.bits().erase(*expected.rbegin());
            expected.erase(*expected.rbegin());
        } else {
            const std::uint32_t lowest = expected.empty() ? occupancy::none : *expected.begin();
            expected.erase(lowest);
            if (under_test.bits().take_lowest() != lowest) {
                return false;
            }
        }
    }
    return under_test.bits().first_inconsistency(limit) == occupancy::none;
}

} // namespace

TEST_CASE("words that are all zero are an empty set") {
    fixture zero(5000);
    CHECK(zero.bits().take_lowest() == occupancy::none);
    CHECK(zero.bits().first_inconsistency(5000) == occupancy::none);
}

TEST_CASE("the lowest number is found whatever the history") {
    for (const std::uint32_t limit : {1U, 2U, 63U, 64U, 65U, 4095U, 4096U, 4097U}) {
        CAPTURE(limit);
        CHECK(agrees_with_a_set(limit, 20'000));
    }
}

TEST_CASE("three and four levels of summary find the lowest number too") {
    for (const std::uint32_t limit : {262'144U, 262'145U, 300'001U, 16'777'217U}) {
        CAPTURE(limit);
        CHECK(agrees_with_a_set(limit, 20'000));
    }
}

TEST_CASE("a number at each end of the largest levels is found") {
    fixture large(
        16'777'217); // the last has a word, a summary word and a second summary of its own
    CHECK(large.shape.levels == 5);
    large.bits().insert(16'777'216);
    CHECK(large.bits().contains(16'777'216));
    large.bits().insert(63);
    CHECK(large.bits().take_lowest() == 63);
    CHECK(large.bits().take_lowest() == 16'777'216);
    CHECK(large.bits().take_lowest() == occupancy::none);
}

TEST_CASE("a set of nearly 2^32 numbers has six levels and less than 1.6 percent of a bit more") {
    const occupancy_shape shape = occupancy_shape::of(0xfffffffeU);
    CHECK(shape.levels == occupancy_shape::max_levels);
    CHECK(shape.block_words() == (1U << 26));
    CHECK(shape.words - shape.block_words() < shape.block_words() / 62);
}

TEST_CASE("a summary bit that lies is reported with the word below it") {
    fixture lying(64 * 64 * 3);
    lying.bits().insert(70 * 64 + 2);
    CHECK(lying.bits().first_inconsistency(64 * 64 * 3) == occupancy::none);
    lying.words[70] = 0;
    CHECK(lying.bits().first_inconsistency(64 * 64 * 3) == 70);
    lying.words[70] = 5;
    lying.words[71] = 1;
    CHECK(lying.bits().first_inconsistency(64 * 64 * 3) == 71);
}

TEST_CASE(
    "clearing forgets every number below its end on every level and leaves the rest untouched") {
    fixture cleared(300'001);
    for (const std::uint32_t word : {0U, 1U, 70U, 4096U, 4100U}) {
        cleared.bits().insert(word * 64 + 7);
    }
    cleared.bits().clear(4100 * 64 + 8);
    CHECK(std::ranges::all_of(cleared.words, [](std::uint64_t word) { return word == 0; }));
    fixture untouched(300'001);
    untouched.words.assign(untouched.words.size(), 7);
    untouched.bits().clear(65);
    CHECK(std::ranges::count(untouched.words, 0U) == 2 + 1 + 1 + 1);
}
