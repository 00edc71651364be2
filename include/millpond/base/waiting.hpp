// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// When a wait ends, on the clock that nobody sets, and sleeping until then. The compiled part is
/// `src/concurrent_core.cpp`.

#include "millpond/base/config.hpp"

#include <chrono>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// The point in time `wanted` from now; the last one possible if that is later. In floating point
/// nothing overflows; measured from a clock's epoch it is right to a microsecond for 200 years.
[[nodiscard]] inline std::chrono::steady_clock::time_point
deadline_in(std::chrono::duration<double> wanted) noexcept {
    using clock = std::chrono::steady_clock;
    const clock::time_point now = clock::now();
    const std::chrono::duration<double> possible = clock::time_point::max() - now;
    if (!(wanted < possible)) {
        return clock::time_point::max();
    }
    return wanted.count() <= 0 ? now : now + std::chrono::ceil<clock::duration>(wanted);
}

/// The point in time `most` from now.
template <class Rep, class Period>
[[nodiscard]] std::chrono::steady_clock::time_point
deadline_after(const std::chrono::duration<Rep, Period>& most) noexcept {
    return deadline_in(most);
}

/// The point in time `deadline` of any clock, as it looks from now.
template <class Clock, class Duration>
[[nodiscard]] std::chrono::steady_clock::time_point
deadline_at(const std::chrono::time_point<Clock, Duration>& deadline) noexcept {
    const std::chrono::duration<double> then = deadline.time_since_epoch();
    const std::chrono::duration<double> now = Clock::now().time_since_epoch();
    return deadline_in(then - now);
}

/// Sleeps while `wakes` is `expected`, at most `most`; may return early.
void sleep_until_woken(std::uint32_t& wakes,
                       std::uint32_t expected,
                       std::chrono::nanoseconds most) noexcept;

/// Lets one sleeper look again. May be called in a signal handler.
void wake_sleeper(std::uint32_t& wakes) noexcept;

} // namespace detail

MILLPOND_NAMESPACE_END
