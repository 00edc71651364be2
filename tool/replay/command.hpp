// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// `millpond replay`: the command line, and the order of the stages (prepare, play, summarise, report).

#include <filesystem>
#include <string>
#include <vector>

namespace CLI { // NOLINT(readability-identifier-naming): the library's own name
class App;
} // namespace CLI

namespace millpond::tool {

/// Adds the subcommand to `app`. Its callback throws exit_status{2} when anything failed, after a
/// clear sentence on standard error.
void add_replay(CLI::App& app);

namespace replay {

/// What the user asked for.
struct replay_options {
    std::vector<std::string> files;
    std::vector<std::string> with;
    unsigned rounds = 5;
    std::string process; ///< empty: the one with most events; a number from 1; "all"
    std::string json;
    std::string html;
    std::vector<std::string> command; ///< as typed, for the JSON report
    std::filesystem::path player;     ///< empty: where this program's player is
};

/// Does it. Returns the exit status: 0, or 2 when a contender failed (the reports of the others are
/// written). Throws trace_error, std::invalid_argument, std::system_error, std::runtime_error.
int run_replay(const replay_options& options);

} // namespace replay

} // namespace millpond::tool
