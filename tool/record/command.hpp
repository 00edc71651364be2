// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `millpond record`.

#include <CLI/CLI.hpp>

namespace millpond::tool {

/// Adds the subcommand; it runs when the command line selects it and ends with the program's own
/// exit status, by throwing `exit_status`.
void add_record(CLI::App& app);

} // namespace millpond::tool
