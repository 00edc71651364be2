// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Starts the program to be recorded with the recorder's library in it.

#include <filesystem>
#include <string>
#include <vector>

#include <signal.h>
#include <sys/types.h>

namespace millpond::tool {

/// Where the library lies that is preloaded: beside this command in a build, in lib/millpond of the
/// same prefix when installed. Throws `program_error` when it is in neither.
[[nodiscard]] std::filesystem::path find_preload_library();

/// Starts `program`. The child has the signal mask `mask` and its own copy of everything else.
///
/// Errors:     `program_error` when the system refuses, with its reason.
[[nodiscard]] pid_t launch(const std::filesystem::path& program,
                           const std::vector<std::string>& command,
                           const std::filesystem::path& library,
                           const std::string& area_path,
                           const sigset_t& mask);

} // namespace millpond::tool
