// SPDX-License-Identifier: MIT
/// \file
/// The table of questions.

#include "plan.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>
#include <string>
#include <thread>
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
    std::pair{pattern::growth_pause, std::string_view("growth_pause")},
    std::pair{pattern::memory, std::string_view("memory")},
    std::pair{pattern::latency_churn, std::string_view("latency_churn")},
    std::pair{pattern::latency_refill, std::string_view("latency_refill")},
    std::pair{pattern::iterate, std::string_view("iterate")},
    std::pair{pattern::insert_erase, std::string_view("insert_erase")},
    std::pair{pattern::local_bursts, std::string_view("local_bursts")},
    std::pair{pattern::hand_off, std::string_view("hand_off")},
    std::pair{pattern::exchange, std::string_view("exchange")},
    std::pair{pattern::thread_lives, std::string_view("thread_lives")},
    std::pair{pattern::latency_shared, std::string_view("latency_shared")},
    std::pair{pattern::list, std::string_view("list")},
    std::pair{pattern::forward_list, std::string_view("forward_list")},
    std::pair{pattern::map, std::string_view("map")},
    std::pair{pattern::set, std::string_view("set")},
    std::pair{pattern::unordered_map, std::string_view("unordered_map")},
    std::pair{pattern::mixed_sizes, std::string_view("mixed_sizes")},
    std::pair{pattern::json_document, std::string_view("json_document")},
};

constexpr std::size_t million = 1'000'000;
constexpr int no_limit = 99; ///< repetitions: as many as are asked for

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
        all.push_back({.name = std::string(name),
                       .pattern = name_of(what),
                       .unit = "ns per block",
                       .measurement = {what, bytes, blocks, n},
                       .needs = raw_blocks,
                       .most_repetitions = no_limit});
    };
    ask("pair", pattern::pair, 1'000, operations);
    ask("burst of 1,000, freed in reverse", pattern::burst_reverse, 1'000, operations);
    ask("burst of 1,000, freed in order", pattern::burst_in_order, 1'000, operations);
    ask("churn, 1 k live", pattern::churn, 1'000, operations);
    ask("churn, 64 k live", pattern::churn, 65'536, operations);
}

/// A question at the size that the measurement has.
question sized_question(std::string_view name,
                        std::string_view unit,
                        task measurement,
                        unsigned needs,
                        int most_repetitions = no_limit) {
    return {.name = std::string(name),
            .pattern = name_of(measurement.what),
            .unit = unit,
            .measurement = measurement,
            .needs = needs,
            .most_repetitions = most_repetitions};
}

/// A question whose pattern runs with blocks of one size only.
question sized_64(std::string_view name,
                  std::string_view unit,
                  task measurement,
                  unsigned needs,
                  int most_repetitions = no_limit) {
    measurement.block_bytes = 64;
    return sized_question(name, unit, measurement, needs, most_repetitions);
}

void add_large(std::vector<question>& all, scale by) {
    const std::size_t blocks = 4 * million / by.blocks;
    const std::size_t churned = 2 * million / by.operations;
    all.insert(
        all.end(),
        {sized_64("churn, 4 M live",
                  "ns per block",
                  {pattern::churn, 0, blocks, churned},
                  raw_blocks,
                  5),
         sized_64("shuffled free and refill, 4 M",
                  "ns per block",
                  {pattern::refill, 0, blocks},
                  raw_blocks,
                  5),
         sized_64("start-up, 4 M", "ns", {pattern::start_up, 0, blocks}, starts_sized),
         sized_64("start-up with prefault, 4 M",
                  "ns",
                  {pattern::start_up_prefaulted, 0, blocks},
                  prefaults),
         sized_64("growth to 4 M", "ns per block", {pattern::growth, 0, blocks}, grows, 5),
         sized_64(
             "worst call in a growth to 4 M", "ns", {pattern::growth_pause, 0, blocks}, grows, 5)});
}

void add_memory(std::vector<question>& all, scale by) {
    constexpr std::size_t fewest = 10'000; // below, pages are coarser than what is measured
    for (const auto& [name, blocks] : {std::pair{"memory, 10 k", fewest},
                                       std::pair{"memory, 1 M", million},
                                       std::pair{"memory, 4 M", 4 * million}}) {
        all.push_back(sized_64(name,
                               "bytes per block",
                               {pattern::memory, 0, std::max(blocks / by.blocks, fewest)},
                               raw_blocks,
                               2));
    }
}

void add_latency(std::vector<question>& all, scale by) {
    const std::size_t operations = million / by.operations;
    all.push_back(sized_64("latency in churn, 64 k live",
                           "ns",
                           {pattern::latency_churn, 0, 65'536, operations},
                           raw_blocks,
                           5));
    all.push_back(sized_64("latency in refill, 1 M",
                           "ns",
                           {pattern::latency_refill, 0, million / by.blocks},
                           raw_blocks,
                           5));
}

void add_iteration(std::vector<question>& all, scale by) {
    const auto ask = [&](std::string_view name,
                         std::string_view unit,
                         pattern what,
                         unsigned needs) {
        for (const unsigned percent : {10U, 50U, 90U}) {
            all.push_back(sized_64(std::string(name) + ", " + std::to_string(percent) + " % alive",
                                   unit,
                                   {what, 0, million / by.blocks, 0, percent},
                                   needs));
        }
    };
    ask("iterate", "ns per live object", pattern::iterate, iterates);
    ask("insert and erase", "ns per object", pattern::insert_erase, keeps_a_crowd);
}

/// 1, 2, 4, 8 and 16 threads as far as there are cores, but two at least.
std::vector<std::size_t> thread_counts() {
    const std::size_t cores = std::max(2U, std::thread::hardware_concurrency());
    std::vector<std::size_t> counts;
    for (std::size_t threads = 1; threads <= std::min<std::size_t>(16, cores); threads *= 2) {
        counts.push_back(threads);
    }
    return counts;
}

void add_any_number_of_threads(std::vector<question>& all,
                               std::string_view name,
                               task measurement,
                               unsigned needs) {
    for (const std::size_t threads : thread_counts()) {
        measurement.threads = threads;
        question asked = sized_64(name, "ns per block", measurement, needs);
        asked.name += threads == 1 ? ", 1 thread" : ", " + std::to_string(threads) + " threads";
        all.push_back(asked);
    }
}

void add_several_threads(std::vector<question>& all, scale by) {
    const std::size_t operations = 2 * million / by.operations;
    add_any_number_of_threads(all,
                              "own bursts of 1,000",
                              {pattern::local_bursts, 0, 1'000, operations},
                              any_thread | apart);
    all.push_back(sized_64("hand-off through a ring of 1,024",
                           "ns per block",
                           {pattern::hand_off, 0, 1'024, operations, 0, 2},
                           any_thread | one_way));
    add_any_number_of_threads(
        all, "random exchange", {pattern::exchange, 0, 2'048, operations}, any_thread);
    all.push_back(sized_64("thread lives",
                           "ns per life",
                           {pattern::thread_lives, 0, 256, 10'000 / by.operations, 0, 2},
                           any_thread,
                           3));
    all.push_back(sized_64("latency beside another thread",
                           "ns",
                           {pattern::latency_shared, 0, 65'536, million / by.operations, 0, 2},
                           any_thread | apart));
}

void add_containers(std::vector<question>& all, scale by) {
    const std::size_t hot_blocks = 65'536U / (by.blocks > 100 ? 16U : 1U);
    const std::size_t operations = million / 2 / by.operations;
    for (const pattern what : {pattern::list,
                               pattern::forward_list,
                               pattern::map,
                               pattern::set,
                               pattern::unordered_map}) {
        const auto ask = [&](std::string_view size, std::size_t blocks, std::size_t n, int most) {
            const std::string name = std::string(name_of(what)) + ", " + std::string(size);
            all.push_back(sized_question(
                name, "ns per element", {what, 0, blocks, n}, node_containers, most));
        };
        ask("1 k", 1'000, operations, no_limit);
        ask("64 k", hot_blocks, std::max(operations, 4 * hot_blocks), no_limit);
        ask("1 M", million / by.blocks, 0, 5);
    }
    constexpr std::size_t events_of_the_trace = 200'000;
    all.push_back(
        sized_question("mixed sizes, a recorded program",
                       "ns per event",
                       {pattern::mixed_sizes, 0, 0, 20 * events_of_the_trace / by.operations},
                       mixed_sizes));
    const std::size_t values = 200'000U / (by.blocks > 100 ? 100U : 1U);
    all.push_back(sized_question(
        "JSON document of 200,000 values",
        "ns per value",
        {pattern::json_document, 0, values, std::max(values, 5 * values / by.operations)},
        documents));
}

} // namespace

std::string_view name_of(pattern what) {
    return std::find_if(pattern_names.begin(),
                        pattern_names.end(),
                        [&](const auto& entry) { return entry.first == what; })
        ->second;
}

part part_named(std::string_view name) {
    return name == "one_thread"        ? part::one_thread
           : name == "several_threads" ? part::several_threads
           : name == "containers"      ? part::containers
                                       : part::everything;
}

pattern pattern_named(std::string_view name) {
    for (const auto& [what, its_name] : pattern_names) {
        if (its_name == name) {
            return what;
        }
    }
    throw std::invalid_argument("no pattern is called " + std::string(name));
}

std::vector<question> questions(effort how_much, part which) {
    std::vector<question> all;
    const scale by = scale_of(how_much);
    const auto asked_for = [which](part one) { return which == part::everything || which == one; };
    if (asked_for(part::one_thread)) {
        for (const std::size_t bytes : {64U, 16U, 256U, 1024U}) {
            add_hot(all, by, bytes);
        }
        add_large(all, by);
        add_memory(all, by);
        add_latency(all, by);
        add_iteration(all, by);
    }
    if (asked_for(part::several_threads)) {
        add_several_threads(all, by);
    }
    if (asked_for(part::containers)) {
        add_containers(all, by);
    }
    return all;
}

bool can_answer(const contender& who, const question& asked) {
    return (who.abilities & asked.needs) != 0 && asked.measurement.blocks <= who.most_live;
}

} // namespace millpond::bench
