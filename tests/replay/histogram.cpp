// SPDX-License-Identifier: MIT
#include "replay/histogram.hpp"

#include <algorithm>
#include <cmath>
#include <memory>
#include <random>
#include <vector>

#include "replay/runner.hpp"
#include <doctest/doctest.h>

using millpond::tool::replay::histogram;
using millpond::tool::replay::telling_percentiles;

TEST_CASE("percentiles of small values are exact nearest ranks") {
    histogram h;
    for (std::uint64_t v = 1; v <= 100; ++v) {
        h.add(v);
    }
    CHECK(h.total() == 100);
    CHECK(h.at_percentile(0) == 1);
    CHECK(h.at_percentile(1) == 1);
    CHECK(h.at_percentile(50) == 50);
    CHECK(h.at_percentile(50.1) == 51);
    CHECK(h.at_percentile(99) == 99);
    CHECK(h.at_percentile(100) == 100);
}

TEST_CASE("99.9 per cent of a thousand values is the one before the last") {
    histogram h;
    for (int i = 0; i < 999; ++i) {
        h.add(10);
    }
    h.add(5'000'000);
    CHECK(h.at_percentile(99.9) == 10);
    CHECK(h.at_percentile(99.91) == 5'000'000);
    CHECK(h.max() == 5'000'000);
}

TEST_CASE("an empty histogram has no percentiles but 0") {
    CHECK(histogram().at_percentile(50) == 0);
    CHECK(histogram().at_percentile(100) == 0);
}

TEST_CASE("a value beyond the range keeps its exact maximum") {
    histogram h;
    h.add(3);
    h.add(~std::uint64_t{0});
    CHECK(h.at_percentile(100) == ~std::uint64_t{0});
    CHECK(h.at_percentile(50) == 3);
}

TEST_CASE("every percentile is within one part in 64 of the exact one, never below it") {
    std::mt19937_64 random(7);
    std::lognormal_distribution<double> spread(6.0, 2.5);
    const auto h = std::make_unique<histogram>();
    std::vector<std::uint64_t> values;
    for (int i = 0; i < 20000; ++i) {
        values.push_back(static_cast<std::uint64_t>(spread(random)));
        h->add(values.back());
    }
    std::sort(values.begin(), values.end());
    for (const double percent : {0.01, 1.0, 10.0, 50.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
        const double rank = std::ceil(percent / 100 * static_cast<double>(values.size()) - 1e-6);
        const std::uint64_t exact = values[static_cast<std::size_t>(rank) - 1];
        const std::uint64_t seen = h->at_percentile(percent);
        CHECK(seen >= exact);
        CHECK(static_cast<double>(seen) <= static_cast<double>(exact) * (1 + 1.0 / 64) + 1);
    }
}

TEST_CASE("only percentiles that leave a value above them are told") {
    CHECK(telling_percentiles(7'000'000).size() == 15);
    const std::vector<double> few = telling_percentiles(100);
    CHECK(few.back() == 100.0);
    CHECK(few[few.size() - 2] == 99.0);
    const std::vector<double> thousand = telling_percentiles(1000);
    CHECK(thousand[thousand.size() - 2] == 99.9);
}
