// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What holds for a whole build: the version, the checking level and the ABI namespace.
///
/// The checking level is part of the namespace, so that two files built with different levels, or
/// a file and a library, fail to link instead of disagreeing about what a block is.

#if __cplusplus < 202002L
#    error "millpond needs C++20: compile with -std=c++20 or later"
// No compiler stops at an error: without this, pages of others would follow.
#    include <millpond_stops_here>
#endif

#define MILLPOND_VERSION_MAJOR 0
#define MILLPOND_VERSION_MINOR 1
#define MILLPOND_VERSION_PATCH 0

/// 0 = unchecked, 1 = checked (the default). 2 and 3 belong to `hardened` and `debug`.
#ifndef MILLPOND_CHECKING_LEVEL
#    define MILLPOND_CHECKING_LEVEL 1
#endif

#if MILLPOND_CHECKING_LEVEL == 0
#    define MILLPOND_ABI v0_unchecked
#elif MILLPOND_CHECKING_LEVEL == 1
#    define MILLPOND_ABI v0_checked
#else
#    error "MILLPOND_CHECKING_LEVEL is 0 (unchecked) or 1 (checked)"
#endif

#define MILLPOND_NAMESPACE_BEGIN                                                                   \
    namespace millpond {                                                                           \
    inline namespace MILLPOND_ABI {
#define MILLPOND_NAMESPACE_END                                                                     \
    }                                                                                              \
    }

/// Keeps a slow path out of the callers' code, and out of their inlining budget.
#define MILLPOND_SLOW_PATH [[gnu::noinline, gnu::cold]]

/// Keeps a path that runs once in some dozens of calls out of line, without calling it rare.
#define MILLPOND_OUTLINE [[gnu::noinline]]

#if defined(__SANITIZE_ADDRESS__)
#    define MILLPOND_ADDRESS_SANITIZER 1
#elif defined(__has_feature)
#    if __has_feature(address_sanitizer)
#        define MILLPOND_ADDRESS_SANITIZER 1
#    endif
#endif
#ifndef MILLPOND_ADDRESS_SANITIZER
#    define MILLPOND_ADDRESS_SANITIZER 0
#endif

/// 1 asks for Valgrind's client requests (a few instructions per call, none of them a branch).
#ifndef MILLPOND_VALGRIND
#    define MILLPOND_VALGRIND 0
#endif

/// 1 calls `millpond_interleave` before every atomic step, so that a test can yield there.
#ifndef MILLPOND_INTERLEAVE
#    define MILLPOND_INTERLEAVE 0
#endif

/// 1 when the standard library has std::pmr, as libc++ since version 16. Without it there are no resources.
#if __has_include(<memory_resource>)
#    define MILLPOND_HAS_MEMORY_RESOURCE 1
#else
#    define MILLPOND_HAS_MEMORY_RESOURCE 0
#endif

MILLPOND_NAMESPACE_BEGIN

/// True when every free is checked; see docs/checks.md.
inline constexpr bool checked_build = MILLPOND_CHECKING_LEVEL >= 1;

MILLPOND_NAMESPACE_END
