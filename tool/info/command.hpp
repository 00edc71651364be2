// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `millpond info`.

#include <CLI/CLI.hpp>

namespace millpond::tool {

/// Adds the subcommand that says what is in a trace.
void add_info(CLI::App& app);

} // namespace millpond::tool
