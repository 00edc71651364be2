// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The report for a terminal: no line is longer than 80 columns.

#include <string>

#include "replay/summary.hpp"

namespace millpond::tool::replay {

/// Whether escape sequences for colours are written.
enum class colour { off, on };

/// On when `descriptor` is a terminal and NO_COLOR is not set.
[[nodiscard]] colour colour_for(int descriptor);

/// What was played, two tables (cost and memory; latency) and the notes without which they mislead.
[[nodiscard]] std::string render_table(const replay_record& replay, colour colours);

/// Three significant digits, no exponent, at most seven characters up to 9,999,999.
[[nodiscard]] std::string figure(double value);

/// "0.62", or "same" when the difference is within the spread; "1" for the baseline itself (the same
/// object).
[[nodiscard]] std::string ratio(const spread& value, const spread& base);

} // namespace millpond::tool::replay
