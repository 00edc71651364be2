// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// One recording, from the start of the program to the finished trace.

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "trace/packet_file.hpp"

namespace millpond::tool {

/// What is to be recorded, and where to.
struct recording_options {
    std::filesystem::path file;
    std::vector<std::string> command;
    bool quiet = false;    ///< no progress, no summary
    bool wait_all = false; ///< record to the end of the last process, not of the program
    std::uint64_t limit_bytes = no_limit; ///< of the trace
};

/// Runs the program to its end and returns its exit status, 128 + signal when it was killed.
///
/// Guarantees: the program's own input, output and exit status are untouched. SIGINT and SIGQUIT
///             from the terminal reach the program anyway and only the program decides; signals
///             sent to the recorder are passed on. The trace is finished in every case.
/// Errors:     `program_error` before anything is written; `trace_error` when the trace cannot be
///             begun. When it cannot be written further, that is said at once, the program goes on
///             unrecorded, what there is stays readable, and `exit_status{2}` is thrown at the end.
int record_program(const recording_options& options);

} // namespace millpond::tool
