// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// From rounds to figures: medians, spreads, ratios, and which differences mean nothing.

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "replay/plan_builder.hpp"
#include "replay/runner.hpp"
#include "trace/trace.hpp"

namespace millpond::tool::replay {

/// One quantity over all rounds.
struct spread {
    double median = 0;
    double low = 0;
    double high = 0;
};

/// Median (of an even count: the mean of the middle two), smallest and largest. All 0 for no values.
[[nodiscard]] spread spread_of(std::vector<double> values);

/// True when a difference is within the spread: one median lies inside the other's range.
[[nodiscard]] bool same(const spread& a, const spread& b) noexcept;

/// One contender, summarised.
struct contender_summary {
    std::string name;
    std::string malloc_file;    ///< with all links resolved, which often shows a version
    std::string malloc_version; ///< as the allocator states it itself; may be empty
    std::string failure;        ///< empty: all rounds were played
    std::size_t rounds = 0;     ///< complete ones; with none, the figures below are 0
    spread ns_per_operation;    ///< user and system time
    spread wall_ns_per_operation;
    spread peak_bytes;
    spread minor_faults;
    spread major_faults;
    spread clock_ns;
    std::vector<std::pair<double, spread>> percentiles_ns;

    /// The spread at one of `percentiles_ns`; nullptr when there are too few operations for it.
    [[nodiscard]] const spread* percentile(double percent) const noexcept;
};

[[nodiscard]] contender_summary summarise(const contender_figures& figures,
                                          std::uint64_t operations);

/// One process of one trace, replayed: what every report is made of.
struct replay_record {
    std::string trace_file;
    std::string cut_reason; ///< why the trace ends early; empty: it does not
    std::size_t process_index = 0;
    std::size_t process_count = 0; ///< in the trace
    process what;
    plan_facts plan;
    unsigned rounds = 0;
    std::vector<std::string> missing; ///< known allocators that are not installed
    std::vector<contender_figures> figures;
    std::vector<contender_summary> contenders; ///< same order as `figures`
    contender_summary player;                  ///< the player's own work

    /// The contender that the others are compared with: glibc, or else the first that finished.
    /// nullptr when none did.
    [[nodiscard]] const contender_summary* baseline() const noexcept;

    /// "python3 app.py", quoted as for a shell and shortened to `width` characters.
    [[nodiscard]] std::string program(std::size_t width) const;

    /// "python3": the program alone, without its folder and its arguments.
    [[nodiscard]] std::string program_name() const;

    /// The part of the operations that the pools serve, 0 to 1.
    [[nodiscard]] double coverage() const noexcept;
};

} // namespace millpond::tool::replay
