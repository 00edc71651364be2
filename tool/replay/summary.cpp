// SPDX-License-Identifier: MIT
#include "replay/summary.hpp"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "words.hpp"

namespace millpond::tool::replay {

spread spread_of(std::vector<double> values) {
    if (values.empty()) {
        return {};
    }
    std::sort(values.begin(), values.end());
    const std::size_t middle = values.size() / 2;
    const double median =
        values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    return {median, values.front(), values.back()};
}

bool same(const spread& a, const spread& b) noexcept {
    const auto holds = [](const spread& s, double value) {
        return value >= s.low && value <= s.high;
    };
    return holds(a, b.median) || holds(b, a.median);
}

const spread* contender_summary::percentile(double percent) const noexcept {
    for (const auto& [at, value] : percentiles_ns) {
        if (at == percent) {
            return &value;
        }
    }
    return nullptr;
}

contender_summary summarise(const contender_figures& figures, std::uint64_t operations) {
    const double count = static_cast<double>(std::max<std::uint64_t>(operations, 1));
    const auto of_times = [&](auto field, double divisor) {
        std::vector<double> values;
        for (const time_run& run : figures.times) {
            values.push_back(static_cast<double>(run.*field) / divisor);
        }
        return spread_of(std::move(values));
    };
    contender_summary s;
    s.name = figures.who.name;
    std::error_code unresolved;
    const auto file = std::filesystem::canonical(figures.who.malloc_file, unresolved);
    s.malloc_file = unresolved ? figures.who.malloc_file : file.string();
    s.malloc_version = figures.who.malloc_version;
    s.failure = figures.failure;
    s.rounds = std::min(figures.times.size(), figures.latencies.size());
    s.ns_per_operation = of_times(&time_run::cpu_ns, count);
    s.wall_ns_per_operation = of_times(&time_run::wall_ns, count);
    s.peak_bytes = of_times(&time_run::peak_bytes, 1);
    s.minor_faults = of_times(&time_run::minor_faults, 1);
    s.major_faults = of_times(&time_run::major_faults, 1);
    std::vector<double> clocks;
    for (const latency_run& run : figures.latencies) {
        clocks.push_back(run.clock_ns);
    }
    s.clock_ns = spread_of(std::move(clocks));
    if (figures.latencies.empty()) {
        return s;
    }
    for (std::size_t i = 0; i < figures.latencies.front().percentiles_ns.size(); ++i) {
        std::vector<double> values;
        for (const latency_run& run : figures.latencies) {
            values.push_back(run.percentiles_ns[i].second);
        }
        s.percentiles_ns.emplace_back(figures.latencies.front().percentiles_ns[i].first,
                                      spread_of(std::move(values)));
    }
    return s;
}

const contender_summary* replay_record::baseline() const noexcept {
    const contender_summary* first = nullptr;
    for (const contender_summary& c : contenders) {
        if (c.rounds == 0) {
            continue;
        }
        if (c.name == "glibc") {
            return &c;
        }
        first = first == nullptr ? &c : first;
    }
    return first;
}

std::string replay_record::program(std::size_t width) const {
    if (what.command.empty()) {
        return "process " + std::to_string(what.pid);
    }
    std::vector<std::string> words = what.command;
    words.front() = std::filesystem::path(words.front()).filename().string();
    return command_text(words, width);
}

std::string replay_record::program_name() const {
    replay_record alone;
    alone.what.pid = what.pid;
    if (!what.command.empty()) {
        alone.what.command = {what.command.front()};
    }
    return alone.program(60);
}

double replay_record::coverage() const noexcept {
    return plan.counted_operations == 0 ? 0.0
                                        : static_cast<double>(plan.pooled_operations) /
                                              static_cast<double>(plan.counted_operations);
}

} // namespace millpond::tool::replay
