// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the player asks the operating system: clocks, faults, resident memory, memory that is not the
/// heap's. No function here allocates.

#include <cstddef>
#include <cstdint>
#include <ctime>

#if defined(__x86_64__)
#    include <x86intrin.h>
#endif

namespace millpond::tool::replay {

/// Nanoseconds of CLOCK_MONOTONIC.
[[nodiscard]] std::uint64_t wall_now_ns() noexcept;

/// User and system time of the whole process, in nanoseconds.
[[nodiscard]] std::uint64_t cpu_now_ns() noexcept;

struct fault_counts {
    std::uint64_t minor = 0;
    std::uint64_t major = 0;
};

[[nodiscard]] fault_counts faults_now() noexcept;

/// A field of /proc/self/status that is in kB, as bytes; 0 when it is not there.
[[nodiscard]] std::uint64_t status_bytes(const char* field) noexcept;

/// Makes the kernel forget the peak so far: VmHWM starts again at what is resident now. False when the
/// kernel refuses; then the peak counts from the start of the process, which only the player's own
/// start could have raised.
bool reset_peak() noexcept;

/// `bytes` of zeroed memory that is resident already, straight from the system; nullptr when refused.
[[nodiscard]] void* resident_memory(std::size_t bytes) noexcept;

/// Maps all of a file for reading, resident already; nullptr when refused. Sets `bytes`.
[[nodiscard]] const void* map_file(int descriptor, std::size_t& bytes) noexcept;

/// Writes all of it; false when the other end is gone.
bool write_all(int descriptor, const void* bytes, std::size_t count) noexcept;

#if defined(__x86_64__)
/// The time-stamp counter, fenced: what came before has finished, what comes after has not begun.
[[nodiscard]] inline std::uint64_t ticks_begin() noexcept {
    _mm_lfence();
    const std::uint64_t now = __rdtsc();
    _mm_lfence();
    return now;
}

[[nodiscard]] inline std::uint64_t ticks_end() noexcept {
    unsigned int processor = 0;
    const std::uint64_t now = __rdtscp(&processor);
    _mm_lfence();
    return now;
}
#else
[[nodiscard]] inline std::uint64_t ticks_begin() noexcept {
    return wall_now_ns();
}

[[nodiscard]] inline std::uint64_t ticks_end() noexcept {
    return wall_now_ns();
}
#endif

} // namespace millpond::tool::replay
