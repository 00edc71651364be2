// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the player hands back through a pipe when it has played: plain bytes, so that saying it does not
/// use the heap that was measured. Player and tool are built together; the magic number says so.

#include <cstddef>
#include <cstdint>

#include "replay/histogram.hpp"

namespace millpond::tool::replay {

inline constexpr std::uint64_t result_magic = 0x317365726c6c696dU; // "millres1"

/// The descriptors that the tool gives its player.
inline constexpr int plan_descriptor = 3;
inline constexpr int result_descriptor = 4;

enum class play_status : std::uint32_t {
    played,        ///< to the end
    out_of_memory, ///< the heap gave nullptr
    failed,        ///< the player could not start; `message` says why
};

struct play_result {
    std::uint64_t magic = result_magic;
    play_status status = play_status::failed;
    char message[256] = {};
    char malloc_file[512] = {};   ///< the file that `malloc` really comes from
    char malloc_version[64] = {}; ///< as the allocator itself states it; empty when it does not
    std::uint64_t record = 0;     ///< out of memory: at this record,
    std::uint64_t size_bytes = 0; ///< asking for so much
    std::uint64_t cpu_ns = 0;     ///< user and system time of the play
    std::uint64_t wall_ns = 0;
    std::uint64_t baseline_bytes = 0; ///< resident before the first operation
    std::uint64_t peak_bytes = 0;     ///< most resident during the play, less the baseline
    std::uint64_t minor_faults = 0;
    std::uint64_t major_faults = 0;
    std::uint64_t checksum = 0;
    double ns_per_tick = 0;        ///< latency runs only, as are the two below
    std::uint64_t clock_ticks = 0; ///< the median of what an empty measurement shows
    histogram latency_ticks;
};

} // namespace millpond::tool::replay
