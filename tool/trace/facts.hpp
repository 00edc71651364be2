// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Payloads of the packets that hold no events: what the recorder learns about a process. Written
/// inside the recorded program, so nothing here allocates or calls anything.

#include <cstddef>
#include <cstdint>

namespace millpond::tool {

inline constexpr std::int64_t unknown_wait_status = -1;

/// Payload of a `process` packet; the command follows, each argument with a zero byte behind it.
struct process_fact {
    std::uint32_t pid = 0;
    std::uint32_t parent_pid = 0;
};

/// One entry of a `modules` packet; `path_bytes` bytes of path follow, without a zero byte. The
/// packets of one process with the same `list` make up one list of everything mapped then.
struct module_fact {
    std::uint32_t list = 0;
    std::uint32_t path_bytes = 0;
    std::uint64_t base = 0;  ///< what was added to the file's own addresses
    std::uint64_t first = 0; ///< first mapped address
    std::uint64_t last = 0;  ///< last mapped address
};

/// Payload of an `ended` packet.
struct ended_fact {
    std::uint32_t how = 0; ///< an `ending`
    std::uint32_t threads = 0;
    std::uint64_t lost_events = 0;
    std::int64_t wait_status = unknown_wait_status; ///< older traces end before this
};

inline constexpr std::size_t ended_fact_bytes_min = 16;

static_assert(sizeof(process_fact) == 8 && sizeof(module_fact) == 32 && sizeof(ended_fact) == 24,
              "facts are written as they are");

} // namespace millpond::tool
