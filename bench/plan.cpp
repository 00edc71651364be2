// SPDX-License-Identifier: MIT
/// \file
/// The table of questions.

#include "plan.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <utility>

namespace millpond::bench {

namespace {

constexpr std::array pattern_names = {
    std::pair{pattern::pair, std::string_view("pair")},
    std::pair{pattern::burst_reverse, std::string_view("burst_reverse")},
    std::pair{pattern::burst_in_order, std::string_view("burst_in_order")},
    std::pair{pattern::churn, std::string_view("churn")},
    std::pair{pattern::refill, std::string_view("refill")},
    std::pair{pattern::start_up, std::string_view("start_up")},
    std::pair{pattern::start_up_prefaulted, std::string_view("start_up_prefaulted")},
    std::pair{pattern::growth, std::string_view("growth")},
    std::pair{pattern::memory, std::string_view("memory")},
    std::pair{pattern::latency_churn, std::string_view("latency_churn")},
    std::pair{pattern::latency_refill, std::string_view("latency_refill")},
    std::pair{pattern::iterate, std::string_view("iterate")},
};

constexpr std::size_t million = 1'000'000;

/// Divides blocks and operations so that a run fits its time.
struct scale {
    std::size_t operations; ///< hot patterns are divided by this
    std::size_t blocks;     ///< large patterns are divided by this
};

scale scale_of(effort how_much) {
    switch (how_much) {
    case effort::quick:
        return {10, 40};
    case effort::smoke:
        return {100, 400};
    default:
        return {1, 1};
    }
}

void add_hot(std::vector<question>& all, scale by, std::size_t bytes) {
    // The size that is quoted gets three times the operations.
    const std::size_t operations = (bytes == 64 ? 3 : 1) * million / by.operations;
    const auto ask = [&](std::string_view name, pattern what, std::size_t blocks, std::size_t n) {
        all.push_back({.name = name,
                       .pattern = name_of(what),
                       .unit = "ns per block",
                       .measurement = {what, bytes, blocks, n, 0},
                       .needs = raw_blocks,
                       .most_repetitions = 99});
    };
    ask("pair", pattern::pair, 1'000, operations);
    ask("burst of 1,000, freed in reverse", pattern::burst_reverse, 1'000, operations);
    ask("burst of 1,000, freed in order", pattern::burst_in_order, 1'000, operations);
    ask("churn, 1 k live", pattern::churn, 1'000, operations);
    ask("churn, 64 k live", pattern::churn, 65'536, operations);
}

void add_large(std::vector<question>& all, scale by) {
    const auto ask = [&](question asked) {
        asked.pattern = name_of(asked.measurement.what);
        asked.measurement.block_bytes = 64;
        all.push_back(asked);
    };
    const std::size_t four_million = 4 * million / by.blocks;
    ask({.name = "churn, 4 M live",
         .pattern = "",
         .unit = "ns per block",
         .measurement = {pattern::churn, 0, four_million, 2 * million / by.operations, 0},
         .needs = raw_blocks,
         .most_repetitions = 5});
    ask({.name = "shuffled free and refill, 4 M",
         .pattern = "",
         .unit = "ns per block",
         .measurement = {pattern::refill, 0, four_million, 0, 0},
         .needs = raw_blocks,
         .most_repetitions = 5});
    ask({.name = "start-up, 4 M",
         .pattern = "",
         .unit = "ns",
         .measurement = {pattern::start_up, 0, four_million, 0, 0},
         .needs = starts_sized,
         .most_repetitions = 99});
    ask({.name = "start-up with prefault, 4 M",
         .pattern = "",
         .unit = "ns",
         .measurement = {pattern::start_up_prefaulted, 0, four_million, 0, 0},
         .needs = prefaults,
         .most_repetitions = 99});
    ask({.name = "growth to 4 M",
         .pattern = "",
         .unit = "ns",
         .measurement = {pattern::growth, 0, four_million, 0, 0},
         .needs = grows,
         .most_repetitions = 5});
    for (const auto& [name, blocks] : {std::pair{"memory, 10 k", std::size_t{10'000}},
                                       std::pair{"memory, 1 M", million},
                                       std::pair{"memory, 4 M", 4 * million}}) {
        ask({.name = name,
             .pattern = "",
             .unit = "bytes per block",
             .measurement = {pattern::memory,
                             0,
                             std::min(blocks, std::max(blocks / by.blocks, std::size_t{10'000})),
                             0,
                             0},
             .needs = raw_blocks,
             .most_repetitions = 2});
    }
    ask({.name = "latency in churn, 64 k live",
         .pattern = "",
         .unit = "ns",
         .measurement = {pattern::latency_churn, 0, 65'536, million / by.operations, 0},
         .needs = raw_blocks,
         .most_repetitions = 5});
    ask({.name = "latency in refill, 1 M",
         .pattern = "",
         .unit = "ns",
         .measurement = {pattern::latency_refill, 0, million / by.blocks, 0, 0},
         .needs = raw_blocks,
         .most_repetitions = 5});
    for (const auto& [name, percent] : {std::pair{"iterate, 10 % alive", 10U},
                                        std::pair{"iterate, 50 % alive", 50U},
                                        std::pair{"iterate, 90 % alive", 90U}}) {
        ask({.name = name,
             .pattern = "",
             .unit = "ns per live object",
             .measurement = {pattern::iterate, 0, million / by.blocks, 0, percent},
             .needs = iterates,
             .most_repetitions = 99});
    }
}

} // namespace

std::string_view name_of(pattern what) {
    return std::find_if(pattern_names.begin(),
                        pattern_names.end(),
                        [&](const auto& entry) { return entry.first == what; })
        ->second;
}

pattern pattern_named(std::string_view name) {
    for (const auto& [what, its_name] : pattern_names) {
        if (its_name == name) {
            return what;
        }
    }
    throw std::invalid_argument("no pattern is called " + std::string(name));
}

std::vector<question> questions(effort how_much) {
    std::vector<question> all;
    const scale by = scale_of(how_much);
    for (const std::size_t bytes : {64U, 16U, 256U, 1024U}) {
        add_hot(all, by, bytes);
    }
    add_large(all, by);
    return all;
}

bool can_answer(const contender& who, const question& asked) {
    return (who.abilities & asked.needs) != 0 && asked.measurement.blocks <= who.most_live;
}

} // namespace millpond::bench
