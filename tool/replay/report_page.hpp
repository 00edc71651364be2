// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The report for readers: the model of the page (tool/page), with the charts, the tables and the
/// sentences that say what was measured and what the figures do not show.

#include <string>
#include <vector>

#include "replay/summary.hpp"
#include <nlohmann/json.hpp>

namespace millpond::tool::replay {

/// The model of one page for all of `replays`; not empty.
[[nodiscard]] nlohmann::json page_model(const std::vector<replay_record>& replays);

} // namespace millpond::tool::replay
