// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The report for programs: everything that was measured, every round of it.

#include <string>
#include <vector>

#include "replay/summary.hpp"
#include <nlohmann/json.hpp>

namespace millpond::tool::replay {

/// The name of the format; a change that breaks readers changes the number.
inline constexpr const char* json_format = "millpond-replay-1";

/// `command` is this tool's own, as it was typed. docs/replay.md describes the fields.
[[nodiscard]] nlohmann::json to_json(const std::vector<replay_record>& replays,
                                     const std::vector<std::string>& command);

} // namespace millpond::tool::replay
