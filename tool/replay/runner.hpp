// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Starts the player and brings its figures back. One child process per run, nothing shared between two
/// runs but the plan.

#include <cstdint>
#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "replay/contenders.hpp"
#include "replay/plan_builder.hpp"

namespace millpond::tool::replay {

/// One run that could not be finished; `what()` says which contender and why (a signal, out of memory, a
/// block that was lost).
class run_failure : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// The figures of one run without a clock around each operation.
struct time_run {
    std::uint64_t cpu_ns = 0;
    std::uint64_t wall_ns = 0;
    std::uint64_t peak_bytes = 0;
    std::uint64_t baseline_bytes = 0;
    std::uint64_t minor_faults = 0;
    std::uint64_t major_faults = 0;
};

/// The figures of one run with a clock around each operation.
struct latency_run {
    std::vector<std::pair<double, double>>
        percentiles_ns;  ///< (per cent, nanoseconds), 100 = maximum
    double clock_ns = 0; ///< what an empty measurement shows; contained in every value
};

/// Everything measured about one contender.
struct contender_figures {
    contender who;
    std::vector<time_run> times;
    std::vector<latency_run> latencies;
    std::string failure; ///< empty: every round was played
};

/// What a player that was started for a contender says of its malloc.
struct probed_malloc {
    std::string file; ///< where it comes from; empty when the player did not even start with it
    std::string version;
};

/// Throws std::runtime_error when the player cannot be started.
[[nodiscard]] probed_malloc probe_malloc(const contender& c, const std::filesystem::path& player);

/// Plays once. Throws run_failure.
[[nodiscard]] time_run
run_for_time(const contender& c, const prepared_plan& plan, const std::filesystem::path& player);
[[nodiscard]] latency_run
run_for_latency(const contender& c, const prepared_plan& plan, const std::filesystem::path& player);

/// The percentiles that `operations` values can tell: those that leave at least one value above.
[[nodiscard]] std::vector<double> telling_percentiles(std::uint64_t operations);

/// All rounds of all contenders, A B C, A B C, and so on. A contender that fails is left out from then
/// on, with its reason; the others go on. `before_run(done, all, name)` is called before each run.
[[nodiscard]] std::vector<contender_figures>
run_rounds(const std::vector<contender>& contenders,
           const prepared_plan& plan,
           const std::filesystem::path& player,
           unsigned rounds,
           const std::function<void(std::size_t, std::size_t, std::string_view)>& before_run);

/// The player on no heap at all: its own work, which every figure contains.
[[nodiscard]] contender player_alone();

} // namespace millpond::tool::replay
