// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Settings of a whole build: the version, the checking level, the tool that watches memory, and
/// the ABI namespace.
///
/// The checking level and the watching tool are part of the namespace, so files built with
/// different ones (or a file and a library) fail to link instead of disagreeing about what a block
/// is. A function that only returns a pool, and a variable that is a pool, have the same symbol at
/// both levels: `mark_file` makes those files fail to link.

#if __cplusplus < 202002L
#    error "millpond needs C++20: compile with -std=c++20 or later"
// Compilers go on after an #error: without this, pages of other errors would follow.
#    include <millpond_stops_here>
#endif

#define MILLPOND_VERSION_MAJOR 0
#define MILLPOND_VERSION_MINOR 1
#define MILLPOND_VERSION_PATCH 0

/// 0 = unchecked, 1 = checked (the default).
#ifndef MILLPOND_CHECKING_LEVEL
#    define MILLPOND_CHECKING_LEVEL 1
#endif

#if MILLPOND_CHECKING_LEVEL == 0
#    define MILLPOND_LEVEL unchecked
#elif MILLPOND_CHECKING_LEVEL == 1
#    define MILLPOND_LEVEL checked
#else
#    error "MILLPOND_CHECKING_LEVEL is 0 (unchecked) or 1 (checked)"
#endif

#if defined(__has_feature)
#    define MILLPOND_HAS_FEATURE(feature) __has_feature(feature)
#else
#    define MILLPOND_HAS_FEATURE(feature) 0
#endif

/// 1 tells AddressSanitizer about blocks. The library sets it in the part that serves such
/// programs, even if the compiler does not instrument that part.
#ifndef MILLPOND_ADDRESS_SANITIZER
#    if defined(__SANITIZE_ADDRESS__) || MILLPOND_HAS_FEATURE(address_sanitizer)
#        define MILLPOND_ADDRESS_SANITIZER 1
#    else
#        define MILLPOND_ADDRESS_SANITIZER 0
#    endif
#endif

#if MILLPOND_HAS_FEATURE(memory_sanitizer)
#    define MILLPOND_MEMORY_SANITIZER 1
#else
#    define MILLPOND_MEMORY_SANITIZER 0
#endif

/// 1 asks for Valgrind's client requests (a few instructions per call, none of them a branch).
#ifndef MILLPOND_VALGRIND
#    define MILLPOND_VALGRIND 0
#endif

// The pools of a watched program tell the tool about every block, and must never meet a block that
// was made unwatched.
#if MILLPOND_ADDRESS_SANITIZER
#    define MILLPOND_WATCHER _asan
#elif MILLPOND_MEMORY_SANITIZER
#    define MILLPOND_WATCHER _msan
#elif MILLPOND_VALGRIND
#    define MILLPOND_WATCHER _valgrind
#else
#    define MILLPOND_WATCHER
#endif

#define MILLPOND_JOIN_NOW(a, b, c) a##b##c
#define MILLPOND_JOIN(a, b, c)     MILLPOND_JOIN_NOW(a, b, c)
#define MILLPOND_TEXT_NOW(name)    #name
#define MILLPOND_TEXT(name)        MILLPOND_TEXT_NOW(name)
#define MILLPOND_ABI               MILLPOND_JOIN(v0_, MILLPOND_LEVEL, MILLPOND_WATCHER)

#define MILLPOND_NAMESPACE_BEGIN                                                                   \
    namespace millpond {                                                                           \
    inline namespace MILLPOND_ABI {
#define MILLPOND_NAMESPACE_END                                                                     \
    }                                                                                              \
    }

/// Keeps a slow path out of the callers' code, and out of their inlining budget.
#define MILLPOND_SLOW_PATH [[gnu::noinline, gnu::cold]]

/// Keeps a path that runs once every few dozen calls out of line, without calling it rare.
#define MILLPOND_OUTLINE [[gnu::noinline]]

/// 1 calls `millpond_interleave` before every atomic step, so that a test can yield there.
#ifndef MILLPOND_INTERLEAVE
#    define MILLPOND_INTERLEAVE 0
#endif

/// 0 leaves out `mark_file`: for files that share no pool with files of another level in the same
/// program.
#ifndef MILLPOND_MARKS_FILES
#    define MILLPOND_MARKS_FILES 1
#endif
#define MILLPOND_TEXT_NOW(name) #name
#define MILLPOND_TEXT(name)     MILLPOND_TEXT_NOW(name)
#define MILLPOND_ABI_TEXT       MILLPOND_TEXT(MILLPOND_ABI)
#define MILLPOND_MARK           "millpond_all_files_need_the_same_checking_level_and_sanitizer"
/// 1 when the standard library has std::pmr (libc++: since version 16). Without it there are no
/// resources.
#if __has_include(<memory_resource>)
#    define MILLPOND_HAS_MEMORY_RESOURCE 1
#else
#    define MILLPOND_HAS_MEMORY_RESOURCE 0
#endif

MILLPOND_NAMESPACE_BEGIN

/// True when every free is checked; see docs/checks.md.
inline constexpr bool checked_build = MILLPOND_CHECKING_LEVEL >= 1;

#if MILLPOND_MARKS_FILES && defined(__ELF__)
namespace detail {

/// Never called; one instruction. Every file that includes a header defines a symbol here, in a
/// section group of which the linker keeps one per ABI. So files of one ABI define the symbol once;
/// files of two ABIs define it twice and do not link. It is in a function because, in link-time
/// optimisation, clang treats a symbol from assembler text outside functions as the file's own, in
/// a group or not. The .ifndef is there because such optimisation makes one file of many.
[[gnu::used, gnu::cold]] inline void mark_file() noexcept {
    asm volatile(".ifndef .Lmillpond_" MILLPOND_ABI_TEXT "\n"
                 ".set .Lmillpond_" MILLPOND_ABI_TEXT ", 1\n"
                 ".pushsection .millpond, \"G\", %progbits, millpond." MILLPOND_ABI_TEXT
                 ", comdat\n"
                 ".globl " MILLPOND_MARK "\n"
                 ".hidden " MILLPOND_MARK "\n" MILLPOND_MARK ":\n"
                 ".popsection\n"
                 ".endif\n");
}

} // namespace detail
#endif

MILLPOND_NAMESPACE_END
