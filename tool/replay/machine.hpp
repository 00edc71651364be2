// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Where the figures were measured.

#include <string>
#include <utility>
#include <vector>

namespace millpond::tool::replay {

/// Label and value, for people and for JSON alike: processor, processors, memory, kernel, C library,
/// transparent huge pages, frequency governor, compiler of the tool. What cannot be read is left out.
[[nodiscard]] std::vector<std::pair<std::string, std::string>> machine_facts();

} // namespace millpond::tool::replay
