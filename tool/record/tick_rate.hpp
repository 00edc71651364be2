// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The clock of a recording and how long its ticks are. The processor's time stamp counter is used
/// where the kernel itself trusts it as its clock; it costs a third of a call to the system's clock.

#include <cstdint>

#include "record/shared_area.hpp"

namespace millpond::tool {

/// Measures the length of a tick against the system's clock, from construction on.
class tick_rate {
public:
    tick_rate();

    [[nodiscard]] clock_source source() const noexcept { return source_; }

    /// Femtoseconds per tick, the better the later it is asked. Waits some milliseconds when it is
    /// asked at once.
    [[nodiscard]] std::uint64_t femtoseconds() const;

private:
    clock_source source_;
    std::uint64_t start_ns_ = 0;
    std::uint64_t start_cycles_ = 0;
};

} // namespace millpond::tool
