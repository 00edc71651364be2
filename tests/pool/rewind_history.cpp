// SPDX-License-Identifier: MIT
/// \file
/// Which marks an arena has been rewound past: pool/rewind_history.hpp.

#include "millpond/pool/rewind_history.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include <doctest/doctest.h>

using millpond::detail::rewind_history;

namespace {

constexpr std::size_t places = 64;

/// All rewinds there were, by position.
struct model {
    std::vector<std::size_t> rewinds;

    /// True when one went below `position` after the first `count`.
    bool passed(std::size_t position, std::size_t count) const {
        return std::any_of(rewinds.begin() + static_cast<std::ptrdiff_t>(count),
                           rewinds.end(),
                           [&](std::size_t to) { return to < position; });
    }

    /// How many of them no later one has gone as low as.
    std::size_t remembered() const {
        std::size_t lowest = places;
        return static_cast<std::size_t>(
            std::count_if(rewinds.rbegin(), rewinds.rend(), [&](std::size_t to) {
                const bool matters = to < lowest;
                lowest = std::min(lowest, to);
                return matters;
            }));
    }
};

} // namespace

TEST_CASE("a history of every four rewinds knows exactly which marks they went past") {
    constexpr std::size_t levels = 5;
    int compared = 0;
    for (std::size_t sequence = 0; sequence < levels * levels * levels * levels; ++sequence) {
        rewind_history history;
        model all;
        std::size_t rest = sequence;
        for (int step = 0; step < 4; ++step, rest /= levels) {
            history.add(rest % levels);
            all.rewinds.push_back(rest % levels);
        }
        REQUIRE(history.count() == 4);
        REQUIRE(history.is_ordered());
        for (std::size_t count = 0; count <= 4; ++count) {
            for (std::size_t position = 0; position <= levels; ++position) {
                REQUIRE(history.passed(position, count) == all.passed(position, count));
                ++compared;
            }
        }
    }
    CHECK(compared == 625 * 5 * 6);
}

TEST_CASE("a history that has to forget never condemns a mark that is good") {
    std::mt19937 random(5);
    int exact = 0;
    int forgiven = 0;
    for (int round = 0; round < 2000; ++round) {
        rewind_history history;
        model all;
        std::size_t top = 0;
        bool complete = true; // nothing was forgotten so far
        for (int step = 0; step < 60; ++step) {
            top = std::min<std::size_t>(top + random() % 9, places - 1);
            top -= random() % 4 == 0 ? random() % (top + 1) : std::min<std::size_t>(top, 1);
            history.add(top);
            all.rewinds.push_back(top);
            complete = complete && all.remembered() <= 8;
            const std::size_t position = random() % places;
            const std::size_t count = random() % (all.rewinds.size() + 1);
            const bool passed = all.passed(position, count);
            const bool seen = history.passed(position, count);
            REQUIRE((passed || !seen));
            REQUIRE((seen == passed || !complete));
            exact += complete ? 1 : 0;
            forgiven += passed && !seen ? 1 : 0;
        }
        REQUIRE(history.is_ordered());
    }
    CHECK(exact > 1000);
    CHECK(forgiven > 0); // or the history was never full
}

TEST_CASE("a full history forgets neither the lowest rewind nor the newest seven") {
    rewind_history history;
    for (std::size_t i = 0; i < 20; ++i) {
        history.add(2 * i); // number i + 1
    }
    CHECK(history.passed(1, 0));
    CHECK_FALSE(history.passed(1, 1));
    for (std::size_t i = 13; i < 20; ++i) {
        CHECK(history.passed(2 * i + 1, i));
        CHECK_FALSE(history.passed(2 * i + 1, i + 1));
    }
    CHECK_FALSE(history.passed(2 * 12 + 1, 12)); // the second lowest was forgotten
}
