// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a packet of a trace holds.

#include <cstdint>

namespace millpond::tool {

enum class packet_kind : std::uint32_t {
    events = 1,  ///< events of one thread, as in event_code.hpp
    process = 2, ///< a process begins: pids, command
    modules = 3, ///< the files mapped into a process, from `first_tick` on
    ended = 4,   ///< how a process ended
    end = 5,     ///< the recording is complete: totals, rate of the clock
};

} // namespace millpond::tool
