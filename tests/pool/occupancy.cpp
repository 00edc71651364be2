// SPDX-License-Identifier: MIT
/// \file
/// The bits of free blocks and their summaries, against a set: pool/occupancy.hpp.

#include "millpond/pool/occupancy.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <random>
#include <set>
#include <vector>

#include <doctest/doctest.h>

using millpond::detail::occupancy;
using millpond::detail::occupancy_shape;

namespace {

/// Words and shape of an occupancy over `blocks` blocks, all of them taken.
struct fixture {
    explicit fixture(std::size_t blocks)
        : shape(occupancy_shape::of(blocks))
        , words(shape.words) {}

    // Not inlined: GCC 12 would see that a vector of no words has no data, and warn of that.
    [[gnu::noinline]] occupancy bits() { return {words.data(), shape}; }

    occupancy_shape shape;
    std::vector<std::uint64_t> words;
};

void insert(std::set<std::uint32_t>& set, std::uint32_t word, std::uint64_t mask) {
    for (; mask != 0; mask &= mask - 1) {
        set.insert(word * 64 + static_cast<std::uint32_t>(std::countr_zero(mask)));
    }
}

/// True when `claimed` is what the set has first: all free blocks of one word. They leave the set.
bool takes_lowest(std::set<std::uint32_t>& free_blocks, const occupancy::claimed_word& claimed) {
    if (free_blocks.empty()) {
        return claimed.mask == 0;
    }
    const std::uint32_t word = *free_blocks.begin() / 64;
    std::uint64_t expected = 0;
    while (!free_blocks.empty() && *free_blocks.begin() / 64 == word) {
        expected |= std::uint64_t{1} << (*free_blocks.begin() % 64);
        free_blocks.erase(free_blocks.begin());
    }
    return claimed.word == word && claimed.mask == expected;
}

/// Random giving and claiming over `blocks` blocks; true when the set agrees throughout.
bool agrees_with_a_set(std::uint32_t blocks, int steps) {
    fixture under_test(blocks);
    std::set<std::uint32_t> free_blocks;
    std::mt19937_64 random(blocks);
    for (int step = 0; step < steps; ++step) {
        if (random() % 3 != 0) {
            const auto word = static_cast<std::uint32_t>(random() % under_test.shape.block_words());
            const std::uint32_t in_word = std::min(64U, blocks - word * 64);
            std::uint64_t mask = random() & random();
            mask &= ~std::uint64_t{0} >> (64 - in_word);
            mask &= ~under_test.bits().free_in(word);
            if (mask != 0) {
                under_test.bits().give_back(word, mask);
                insert(free_blocks, word, mask);
            }
        } else if (!takes_lowest(free_blocks, under_test.bits().claim())) {
            return false;
        }
        const auto block = static_cast<std::uint32_t>(random() % blocks);
        if (under_test.bits().is_free(block) != free_blocks.contains(block)) {
            return false;
        }
    }
    return under_test.bits().first_inconsistency(blocks) == occupancy::none;
}

} // namespace

TEST_CASE("words that are all zero say that nothing is free") {
    fixture zero(5000);
    CHECK(zero.bits().claim().mask == 0);
    CHECK(zero.bits().first_inconsistency(5000) == occupancy::none);
}

TEST_CASE("the lowest word that has a free block is claimed whole whatever the history") {
    for (const std::uint32_t blocks : {1U, 2U, 63U, 64U, 65U, 4095U, 4096U, 4097U}) {
        CAPTURE(blocks);
        CHECK(agrees_with_a_set(blocks, 20'000));
    }
}

TEST_CASE("three and four levels of summary find the lowest word too") {
    for (const std::uint32_t blocks : {262'144U, 262'145U, 300'001U, 16'777'217U}) {
        CAPTURE(blocks);
        CHECK(agrees_with_a_set(blocks, 20'000));
    }
}

TEST_CASE("a block at each end of the largest levels is found") {
    fixture large(
        16'777'217); // one block in a word, a summary word and a second summary of its own
    CHECK(large.shape.levels == 5);
    large.bits().give_back(262'144, 1);
    CHECK(large.bits().is_free(16'777'216));
    large.bits().give_back(0, std::uint64_t{1} << 63);
    CHECK(large.bits().claim().word == 0);
    CHECK(large.bits().claim().word == 262'144);
    CHECK(large.bits().claim().mask == 0);
}

TEST_CASE("a pool of nearly 2^32 blocks has six levels and less than 1.6 percent of a bit more") {
    const occupancy_shape shape = occupancy_shape::of(0xfffffffeU);
    CHECK(shape.levels == occupancy_shape::max_levels);
    CHECK(shape.block_words() == (1U << 26));
    CHECK(shape.words - shape.block_words() < shape.block_words() / 62);
}

TEST_CASE("a summary bit that lies is reported with the word below it") {
    fixture lying(64 * 64 * 3);
    lying.bits().give_back(70, 5);
    CHECK(lying.bits().first_inconsistency(64 * 64 * 3) == occupancy::none);
    lying.words[70] = 0;
    CHECK(lying.bits().first_inconsistency(64 * 64 * 3) == 70);
    lying.words[70] = 5;
    lying.words[71] = 1;
    CHECK(lying.bits().first_inconsistency(64 * 64 * 3) == 71);
}

TEST_CASE(
    "clearing forgets every block below its end on every level and leaves the rest untouched") {
    fixture cleared(300'001);
    for (const std::uint32_t word : {0U, 1U, 70U, 4096U, 4100U}) {
        cleared.bits().give_back(word, 0xf0);
    }
    cleared.bits().clear(4100 * 64 + 8);
    CHECK(std::ranges::all_of(cleared.words, [](std::uint64_t word) { return word == 0; }));
    fixture untouched(300'001);
    untouched.words.assign(untouched.words.size(), 7);
    untouched.bits().clear(65);
    CHECK(std::ranges::count(untouched.words, 0U) == 2 + 1 + 1 + 1);
}
