// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What this build is not good for. One that watches itself makes system calls, page faults and instructions that
/// are not the library's, and what counts those is skipped; it is slow, as is one that an emulator runs.

#include "millpond/base/instrument.hpp"

#if defined(__SANITIZE_THREAD__)
#    define MILLPOND_TEST_THREAD_SANITIZER 1
#elif defined(__has_feature)
#    if __has_feature(thread_sanitizer)
#        define MILLPOND_TEST_THREAD_SANITIZER 1
#    endif
#endif
#ifndef MILLPOND_TEST_THREAD_SANITIZER
#    define MILLPOND_TEST_THREAD_SANITIZER 0
#endif

namespace millpond::test {

/// True under AddressSanitizer, ThreadSanitizer, and in builds for Valgrind.
inline constexpr bool sanitized = detail::instrumented || MILLPOND_TEST_THREAD_SANITIZER != 0;

/// Sanitizers replace mlock by a function that does nothing.
inline constexpr bool locks_memory =
    MILLPOND_ADDRESS_SANITIZER == 0 && MILLPOND_TEST_THREAD_SANITIZER == 0;

/// True on a processor that another one plays: see tests/CMakeLists.txt.
#ifdef MILLPOND_TEST_EMULATED
inline constexpr bool emulated = true;
#else
inline constexpr bool emulated = false;
#endif

/// How long a random or exhaustive run is: sanitizers slow it down by two to five, an emulator by ten, Valgrind by
/// fifty.
template <class Count>
constexpr Count effort(Count full, Count sanitized_build, Count valgrind_build) noexcept {
    if (MILLPOND_VALGRIND != 0) {
        return valgrind_build;
    }
    return sanitized || emulated ? sanitized_build : full;
}

} // namespace millpond::test
