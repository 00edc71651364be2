// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Opens a trace and delivers its events.
///
/// Opening reads the file once, checks every checksum and keeps the tables; the events stay on
/// disk. `for_each` then holds one decompressed packet per thread that is alive at that moment of
/// the recording, so a trace far larger than the memory can be read.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "trace/trace.hpp"

namespace millpond::tool {

/// Reads one trace file.
///
/// Units:      times in nanoseconds since the start of each process, sizes in bytes.
/// Complexity: construction reads the file once; `for_each` is O(events x log(live threads)).
/// Errors:     `trace_error` for a foreign, corrupt or wrong-version file; a file that merely ends
///             early is readable up to its last whole packet, see `truncated()`.
/// Threads:    one thread at a time per reader.
/// Source:     own format, docs/trace-format.md.
class trace_reader {
public:
    explicit trace_reader(const std::filesystem::path& file);
    ~trace_reader();
    trace_reader(trace_reader&&) noexcept;
    trace_reader& operator=(trace_reader&&) noexcept;

    /// The recorded processes in the order in which they started.
    [[nodiscard]] const std::vector<process>& processes() const noexcept;

    /// Calls `body` for every event of one process, in an order that really happened.
    ///
    /// Guarantees: a block is allocated once and freed at most once, never used after its free, and
    ///             events of one thread keep their order. Completes `events`, `unmatched_frees`,
    ///             `inferred_frees` and `sites` of that process.
    void for_each(std::size_t process_index, const std::function<void(const event&)>& body);

    /// True when the file ends before its program did.
    [[nodiscard]] bool truncated() const noexcept;

    /// Why it does, as the end of a sentence ("its recorder was killed"), or nothing.
    [[nodiscard]] const std::string& cut_reason() const noexcept;

private:
    struct state;
    std::unique_ptr<state> state_;
};

} // namespace millpond::tool
