// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The recorder's side of the shared area: notices processes as they come and go, and moves what
/// they wrote into the trace.

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "record/process_facts.hpp"
#include "record/shared_area.hpp"
#include "trace/packet_file.hpp"
#include "trace/trace.hpp"
#include <poll.h>

namespace millpond::tool {

/// Units:      buffers, processes.
/// Complexity: each call is O(buffers ever in use at once + live processes).
/// Errors:     construction: `std::system_error`; afterwards only those of the writer, after which
///             the collector goes on emptying buffers so that no recorded process has to wait.
/// Threads:    one thread at a time; the recorded processes run beside it.
/// Source:     own design, docs/tool.md.
class collector {
public:
    explicit collector(clock_source clock);
    ~collector();
    collector(const collector&) = delete;
    collector& operator=(const collector&) = delete;

    /// The name under which the recorded processes open the area.
    [[nodiscard]] std::string area_path() const;

    /// From now on everything goes to `writer`.
    void write_to(packet_writer& writer) noexcept { writer_ = &writer; }

    /// Moves every full buffer to the trace; true when there was one.
    bool collect();

    /// Looks for processes that ended, and writes what they left behind.
    void bury();

    /// Looks for threads that ended without handing over their buffer.
    void reap_threads();

    /// Ends the recording: what still runs is cut off here.
    void stop();

    /// Waits for a process to end, something at `extra`, or `milliseconds`.
    void wait(int extra, int milliseconds);

    [[nodiscard]] std::uint64_t lost_events() const noexcept { return lost_events_; }

    [[nodiscard]] std::uint32_t refused_processes() const noexcept;

    [[nodiscard]] std::uint32_t unmapped_processes() const noexcept;
    [[nodiscard]] std::uint32_t bypassed_processes() const noexcept;

    /// File of the heap that the first of them had, where it is known.
    [[nodiscard]] std::string first_heap() const;

    /// True while a process that records something is known to be alive.
    [[nodiscard]] bool has_live() const noexcept { return !known_.empty(); }

    /// Live processes that hold the area, whether they have recorded anything yet or not.
    [[nodiscard]] std::vector<left_process> left_behind() const;

    /// Why the recording stopped before the program, or nothing.
    [[nodiscard]] const std::string& failure() const noexcept { return failure_; }

private:
    /// A process whose slot the collector has seen.
    struct known_process {
        std::uint32_t number = 0; ///< in the trace
        std::uint32_t pid = 0;
        std::uint64_t registration = 0;
        bool numbered = false; ///< its `process` packet has had its turn
        bool in_trace = false; ///< and could be written
        int descriptor = -1;   ///< of the process, readable once it has ended
    };

    void discover();
    [[nodiscard]] bool scan_slots();
    bool take(std::uint32_t index);
    [[nodiscard]] bool is_next(const known_process& process) const;
    void announce(known_process& process, const buffer_head& from);
    bool write(const buffer_head& from, const known_process& process);
    bool append(const packet_head& head, std::span<const std::byte> payload);
    void empty(std::uint32_t index, std::uint32_t old_state);
    void finish(std::uint32_t slot, ending how);
    [[nodiscard]] static bool has_ended(const known_process& process);
    [[nodiscard]] std::uint32_t used_buffers() const noexcept;

    int descriptor_ = -1;
    shared_area* area_ = nullptr;
    packet_writer* writer_ = nullptr;
    std::map<std::uint32_t, known_process> known_; // by slot
    std::vector<pollfd> polled_;
    std::uint32_t discovered_ = 0;
    std::uint32_t next_number_ = 0;
    std::uint64_t lost_events_ = 0;
    std::string failure_;
};

} // namespace millpond::tool
