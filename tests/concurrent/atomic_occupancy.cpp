// SPDX-License-Identifier: MIT
/// \file
/// Shared bits of free blocks, against a set and among threads: pool/atomic_occupancy.hpp.

#include "millpond/pool/atomic_occupancy.hpp"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <random>
#include <vector>

#include "crew.hpp"
#include <doctest/doctest.h>

using millpond::detail::atomic_occupancy;
using millpond::detail::claimed_word;
using millpond::detail::occupancy_shape;
using millpond::test::effort;

namespace {

/// Words, shape and counts of an occupancy over `blocks` blocks, all of them taken.
struct fixture {
    explicit fixture(std::size_t blocks)
        : shape(occupancy_shape::of(blocks))
        , words(shape.words) {}

    // Not inlined: GCC 12 would see that a vector of no words has no data, and warn of that.
    [[gnu::noinline]] atomic_occupancy bits() {
        return {words.data(), shape, shape.block_words() * 64, windows};
    }

    /// Nothing is open, hidden or lost: exactly so many blocks are free.
    [[nodiscard]] bool rests_with(std::size_t free_blocks) {
        std::size_t found = 0;
        for (std::uint32_t word = 0; word < shape.block_words(); ++word) {
            found += static_cast<std::size_t>(std::popcount(bits().free_in(word)));
        }
        return found == free_blocks && windows.opened == windows.closed &&
               bits().first_hidden() == millpond::detail::occupancy::none;
    }

    occupancy_shape shape;
    std::vector<std::uint64_t> words;
    atomic_occupancy::window_counts windows;
};

/// The lowest `most` bits of a mask.
std::uint64_t lowest(std::uint64_t mask, std::uint32_t most) {
    std::uint64_t rest = mask;
    for (std::uint32_t i = 0; i < most; ++i) {
        rest &= rest - 1;
    }
    return mask & ~rest;
}

/// Random giving and claiming over `blocks` blocks; true when a plain list of words agrees throughout.
bool agrees_with_a_model(std::uint32_t blocks, int steps) {
    fixture under_test(blocks);
    std::vector<std::uint64_t> model(under_test.shape.block_words());
    std::size_t free_blocks = 0;
    std::mt19937_64 random(blocks);
    bool agrees = true;
    for (int step = 0; step < steps && agrees; ++step) {
        if (random() % 3 == 0) {
            const auto word = static_cast<std::uint32_t>(random() % model.size());
            const std::uint32_t in_word = std::min(64U, blocks - word * 64);
            const std::uint64_t mask =
                random() & random() & ~std::uint64_t{0} >> (64 - in_word) & ~model[word];
            if (mask != 0) {
                under_test.bits().give_back(word, mask);
                model[word] |= mask;
                free_blocks += static_cast<std::size_t>(std::popcount(mask));
            }
            continue;
        }
        const std::uint32_t most = random() % 2 == 0 ? 64 : 1 + random() % 64;
        const auto found = under_test.bits().claim(most);
        agrees = (found.mask != 0) == (free_blocks != 0) &&
                 (found.mask == 0 || found.mask == lowest(model[found.word], most));
        if (found.mask != 0) {
            model[found.word] &= ~found.mask;
            free_blocks -= static_cast<std::size_t>(std::popcount(found.mask));
        }
    }
    return agrees && under_test.rests_with(free_blocks);
}

/// Marks who has a block; false when somebody else has it.
class owners {
public:
    explicit owners(std::size_t blocks)
        : taken_(blocks) {}

    [[nodiscard]] bool take(const claimed_word& claimed) {
        bool was_free = true;
        for (std::uint64_t rest = claimed.mask; rest != 0; rest &= rest - 1) {
            was_free = !taken_[index(claimed, rest)].exchange(true) && was_free;
        }
        return was_free;
    }

    void leave(const claimed_word& claimed) {
        for (std::uint64_t rest = claimed.mask; rest != 0; rest &= rest - 1) {
            taken_[index(claimed, rest)] = false;
        }
    }

private:
    static std::size_t index(const claimed_word& claimed, std::uint64_t rest) {
        return std::size_t{claimed.word} * 64 + static_cast<std::size_t>(std::countr_zero(rest));
    }

    std::vector<std::atomic<bool>> taken_;
};

/// Four threads claim and give back; true when no block was ever in two hands or none.
bool keeps_every_block(std::uint32_t blocks, int steps) {
    fixture shared(blocks);
    owners of(blocks);
    for (std::uint32_t word = 0; word < shared.shape.block_words(); ++word) {
        shared.bits().give_back(word,
                                ~std::uint64_t{0} >> (64 - std::min(64U, blocks - word * 64)));
    }
    std::atomic<bool> fine = true;
    millpond::test::run_together(4, [&](std::size_t self) {
        std::mt19937_64 random(self);
        std::vector<claimed_word> mine;
        for (int step = 0; step < steps; ++step) {
            if (mine.size() < 8 && random() % 2 == 0) {
                const auto found = shared.bits().claim(
                    random() % 2 == 0 ? 64 : static_cast<std::uint32_t>(random() % 6 + 1));
                if (found.mask != 0) {
                    fine = of.take(found) && fine;
                    mine.push_back(found);
                }
            } else if (!mine.empty()) {
                of.leave(mine.back());
                shared.bits().give_back(mine.back().word, mine.back().mask);
                mine.pop_back();
            }
        }
        for (const auto& rest : mine) {
            of.leave(rest);
            shared.bits().give_back(rest.word, rest.mask);
        }
    });
    return fine && shared.rests_with(blocks);
}

/// As many blocks as threads, far apart, and each thread holds one at a time: there always is one.
int claims_that_found_nothing(std::uint32_t blocks, std::uint32_t most, int steps) {
    constexpr std::uint32_t threads = 4;
    fixture shared(blocks);
    const std::uint32_t words = shared.shape.block_words();
    for (std::uint32_t i = 0; i < threads; ++i) {
        const std::uint32_t word = words <= 1 ? 0 : (words - 1) * i / (threads - 1);
        shared.bits().give_back(word, std::uint64_t{1} << (words <= threads ? i : 0));
    }
    std::atomic<int> failures = 0;
    millpond::test::run_together(threads, [&](std::size_t) {
        for (int step = 0; step < steps; ++step) {
            const auto found = shared.bits().claim(most);
            if (found.mask == 0) {
                ++failures;
            } else {
                shared.bits().give_back(found.word, found.mask);
            }
        }
    });
    return shared.rests_with(threads) ? failures.load() : -1;
}

} // namespace

TEST_CASE(
    "a claim takes all of a word or its lowest blocks and is empty only when nothing is free") {
    for (const std::uint32_t blocks : {1U, 2U, 63U, 64U, 65U, 128U, 4095U, 4096U, 4097U}) {
        CAPTURE(blocks);
        CHECK(agrees_with_a_model(blocks, effort(20'000, 5'000, 1'000)));
    }
}

TEST_CASE("three and four levels of summary lose no shared block either") {
    for (const std::uint32_t blocks : {5'000U, 262'144U, 262'145U, 300'001U}) {
        CAPTURE(blocks);
        CHECK(agrees_with_a_model(blocks, effort(20'000, 5'000, 500)));
    }
}

TEST_CASE(
    "a claim of a word's last block leaves no summary bit, and one that leads to nothing goes") {
    const auto all_zero = [](const fixture& tested) {
        return std::ranges::all_of(tested.words, [](std::uint64_t word) { return word == 0; });
    };
    fixture stale(300'000);
    for (const std::uint32_t most : {1U, 64U}) {
        CAPTURE(most);
        stale.bits().give_back(70, 4);
        CHECK(stale.bits().claim(most).mask == 4);
        CHECK(all_zero(stale));
        stale.bits().give_back(70, 4);
        stale.words[70] = 0; // as if another thread had been a step ahead
        CHECK(stale.bits().claim(most).mask == 0);
        CHECK(all_zero(stale));
    }
}

TEST_CASE("a block below no summary bit is reported, and found while a window is open") {
    fixture hidden(300'000);
    hidden.words[4'100] = 5;
    CHECK(hidden.bits().first_hidden() == 4'100);
    CHECK(hidden.bits().claim(64).mask == 0);
    ++hidden.windows.opened; // as if a thread had been stopped inside
    const auto found = hidden.bits().claim(1);
    CHECK(found.word == 4'100);
    CHECK(found.mask == 1);
    CHECK(hidden.bits().claim(64).mask == 4);
    CHECK(hidden.bits().claim(64).mask == 0);
}

TEST_CASE("four threads that claim and give back lose no block and share none") {
    for (const std::uint32_t blocks : {3U, 64U, 65U, 700U, 5'000U, 300'000U}) {
        CAPTURE(blocks);
        CHECK(keeps_every_block(blocks, effort(100'000, 10'000, 500)));
    }
}

TEST_CASE("a claim finds a block whenever there are as many as threads that hold one each") {
    for (const std::uint32_t blocks : {64U, 65U, 256U, 4'097U, 40'000U, 300'000U}) {
        for (const std::uint32_t most : {1U, 64U}) {
            if (most != 1 && blocks < 256) {
                continue; // there one claim may take the blocks of several threads
            }
            CAPTURE(blocks);
            CAPTURE(most);
            CHECK(claims_that_found_nothing(blocks, most, effort(50'000, 5'000, 300)) == 0);
        }
    }
}
