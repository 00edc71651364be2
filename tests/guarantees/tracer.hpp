// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Counts the instructions of single calls by stepping through them one by one.
///
///     ... mark(); the call; mark(); ...      at full speed outside the marks
///
/// A mark is a breakpoint instruction, which raises a signal. Its handler sets the processor's trap flag, and so is
/// called after each instruction up to the next mark. What lies between is one call of a function that is not
/// inlined, so a count includes the call and the return. One thread at a time.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace millpond::guarantees {

/// The most that one operation needed, and where.
struct bound {
    std::string operation;
    std::string scenario;
    std::uint64_t instructions = 0;
    std::uint64_t system_calls = 0;
    std::uint64_t calls = 0; ///< how many were measured
};

/// Why stepping is impossible here; empty when it is possible.
[[nodiscard]] std::string why_not_here();

/// Runs `body` and returns the bound of every operation that it measured. Throws what `body` throws, and
/// std::system_error where the signal's handler cannot be set.
[[nodiscard]] std::vector<bound> trace(const std::function<void()>& body);

/// Names the operation and the scenario of the calls that follow.
void announce(const char* operation, const char* scenario);

#if defined(__x86_64__)
inline void mark() {
    asm volatile("int3" : : : "memory");
}
#else
inline void mark() {}
#endif

} // namespace millpond::guarantees
