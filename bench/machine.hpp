// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The head of a result: on what and with what it was measured.

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace millpond::bench {

/// Why this build may not measure ("it is not optimised"), or an empty string.
std::string reason_not_to_measure();

/// Processor, kernel, memory, huge-page setting.
nlohmann::ordered_json describe_machine();

/// Compiler, flags, and the level of checking.
nlohmann::ordered_json describe_build();

/// A Debian package's installed version, or an empty string.
std::string package_version(std::string_view package);

} // namespace millpond::bench
