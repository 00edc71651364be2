// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// One run of the benchmarks: every question to every contender, and the report.

#include <string>
#include <vector>

#include "plan.hpp"
#include <nlohmann/json.hpp>

namespace millpond::bench {

struct session_options {
    effort how_much = effort::recorded;
    part which = part::everything;
    int repetitions = 0;
    std::vector<std::string> patterns;    ///< empty: all
    std::vector<std::string> contenders;  ///< empty: all
    std::vector<std::size_t> block_bytes; ///< empty: all
    std::vector<std::size_t> threads;     ///< empty: all; only in the part that has them
    std::string commit = "unknown";
    std::string command = "scripts/bench";
};

struct session_result {
    nlohmann::ordered_json report;
    std::vector<std::string> faults; ///< checksums that differ, contenders that failed
};

/// Asks and waits. Contenders take turns within each repetition, so that a slow minute of the
/// machine falls on all of them.
session_result hold_session(const session_options& options);

} // namespace millpond::bench
