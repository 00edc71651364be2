// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Writes a trace from decoded events: what tests and generators use to make one without recording
/// a program. The recorder itself writes packets (trace/packet_file.hpp) as they come.

#include <cstddef>
#include <filesystem>
#include <memory>

#include "trace/trace.hpp"

namespace millpond::tool {

/// Writes one trace file.
///
/// Units:      as in `event`; times must not run backwards within a thread of a process.
/// Complexity: O(1) per event; one buffer per thread is held until `finish`.
/// Errors:     `trace_error` when the file cannot be written, and for an event that no program
///             can produce (a free of a block that is not live).
/// Threads:    one thread at a time per writer.
/// Source:     own format, docs/trace-format.md.
class trace_writer {
public:
    explicit trace_writer(const std::filesystem::path& file);
    ~trace_writer(); ///< without `finish` the file stays as if the recorder had been killed
    trace_writer(const trace_writer&) = delete;
    trace_writer& operator=(const trace_writer&) = delete;

    /// Starts a process and returns its index. Takes pid, parent_pid, command, end, wait_status,
    /// lost_events and sites from `head`; the counts come from what is appended.
    std::size_t begin_process(const process& head);

    /// Adds one event. `site` indexes `head.sites`; an event of a process without sites has none.
    ///
    /// The reader numbers blocks and sites again, in order of first appearance.
    void append(std::size_t process_index, const event& what);

    /// Completes the file.
    void finish();

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace millpond::tool
