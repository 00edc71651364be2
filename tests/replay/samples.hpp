// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A finished replay with figures that no machine measured, for tests of what is made of them.

#include <string>
#include <vector>

#include "replay/summary.hpp"

namespace millpond::test {

/// Figures of one contender over three rounds, around `ns` per operation and `peak` bytes.
[[nodiscard]] inline tool::replay::contender_figures
sample_figures(const std::string& name, double ns, std::uint64_t peak, std::uint64_t operations) {
    tool::replay::contender_figures figures;
    figures.who = {name, "", name == "millpond" ? "pools" : "libc", "/lib/" + name + ".so", "1.2"};
    for (const double factor : {1.0, 0.95, 1.1}) {
        const auto total =
            static_cast<std::uint64_t>(ns * factor * static_cast<double>(operations));
        figures.times.push_back({.cpu_ns = total,
                                 .wall_ns = total + 5,
                                 .peak_bytes = peak,
                                 .baseline_bytes = 4096,
                                 .minor_faults = 17,
                                 .major_faults = 0});
        tool::replay::latency_run latency;
        latency.clock_ns = 20;
        double value = ns * factor;
        for (const double percent : tool::replay::telling_percentiles(operations)) {
            latency.percentiles_ns.emplace_back(percent, value);
            value *= 1.7;
        }
        figures.latencies.push_back(latency);
    }
    return figures;
}

/// A contender that did not finish a single round.
[[nodiscard]] inline tool::replay::contender_figures sample_failure(const std::string& name) {
    tool::replay::contender_figures figures;
    figures.who = {name, "", "libc", "/lib/" + name + ".so", ""};
    figures.failure = name + " was killed by signal 11 (SIGSEGV, Segmentation fault)";
    return figures;
}

[[nodiscard]] inline tool::replay::replay_record
sample_replay(std::vector<tool::replay::contender_figures> figures,
              std::uint64_t operations = 1'000'000) {
    tool::replay::replay_record replay;
    replay.trace_file = "app.trace";
    replay.process_index = 1;
    replay.process_count = 3;
    replay.what.pid = 4711;
    replay.what.command = {"/usr/bin/app", "--quick"};
    replay.plan.operations = operations;
    replay.plan.allocations = operations / 2;
    replay.plan.frees = operations / 2;
    replay.plan.threads = 2;
    replay.plan.peak_live_blocks = 1000;
    replay.plan.peak_live_bytes = 64000;
    replay.plan.largest_bytes = 640;
    replay.plan.counted_operations = operations;
    replay.plan.pooled_operations = operations / 10 * 9;
    replay.plan.pools = {{.block_bytes = 64, .capacity = 1000, .operations = operations / 10 * 9}};
    replay.rounds = 3;
    replay.player = summarise(sample_figures("(the player alone)", 4, 0, operations), operations);
    replay.figures = std::move(figures);
    for (const tool::replay::contender_figures& f : replay.figures) {
        replay.contenders.push_back(summarise(f, operations));
    }
    return replay;
}

[[nodiscard]] inline tool::replay::replay_record usual_sample() {
    return sample_replay({sample_figures("glibc", 20, 10'000'000, 1'000'000),
                          sample_figures("jemalloc", 20.2, 12'000'000, 1'000'000),
                          sample_figures("millpond", 8, 9'000'000, 1'000'000)});
}

} // namespace millpond::test
