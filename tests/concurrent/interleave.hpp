// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What happens before each atomic step of a library that was built with MILLPOND_INTERLEAVE=1: at
/// random the thread gives the processor away, or it stops at a step that the test has named.

#include <atomic>
#include <cstdint>

namespace millpond::test {

/// From here on the calling thread yields before one of `rarity` steps on average; 0: never.
void yield_at_random(std::uint64_t seed, std::uint32_t rarity) noexcept;

/// Calls `act(context)` before each atomic step of the calling thread, except those that it makes itself
/// meanwhile; nullptr: no more. So another thread's doings can be put between any two steps.
void act_at_each_step(void (*act)(void*), void* context) noexcept;

/// Atomic steps that the calling thread has made, those inside an `act` left out.
[[nodiscard]] std::uint64_t steps_made() noexcept;

/// Where a thread can be stopped, and let go again by another.
class stop_light {
public:
    /// The calling thread stops at its `steps`-th atomic step from here (0: the next), once.
    void stop_me_after(std::uint32_t steps) noexcept;

    /// The calling thread stops no more. True if it had not come so far.
    bool disarm_me() noexcept;

    /// Waits until the thread has stopped, or has called `pass`; true when it has stopped.
    [[nodiscard]] bool wait_until_stopped() noexcept;

    /// The thread has come to the end without stopping.
    void pass() noexcept;

    /// Lets the stopped thread go on.
    void let_go() noexcept;

private:
    friend void stop_here(stop_light& light) noexcept;

    enum : std::uint32_t { moving, stopped, passed, released };

    std::atomic<std::uint32_t> state_ = moving;
};

} // namespace millpond::test
