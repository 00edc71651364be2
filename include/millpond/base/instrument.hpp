// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Tells AddressSanitizer, MemorySanitizer or Valgrind which blocks are the caller's. In every other build
/// each function here is empty.
///
/// A free block is poisoned as a whole: it holds no metadata, so the pool itself never reads it.

#include "millpond/base/config.hpp"

#include <cstddef>
#include <cstdint>

#if MILLPOND_ADDRESS_SANITIZER
// Weak, and declared here: the library has a part for programs with AddressSanitizer, which is also
// present in programs without it, and need not be compiled with it.
extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): the sanitizer's names
[[gnu::weak]] void __asan_poison_memory_region(const volatile void* memory, std::size_t bytes);
[[gnu::weak]] void __asan_unpoison_memory_region(const volatile void* memory, std::size_t bytes);
// NOLINTEND(bugprone-reserved-identifier)
}
#elif MILLPOND_MEMORY_SANITIZER
#    include <sanitizer/msan_interface.h>
#elif MILLPOND_VALGRIND
#    include <valgrind/memcheck.h>
#endif

MILLPOND_NAMESPACE_BEGIN

namespace detail {

// poison               nobody's any more
// unpoison             the caller's, who has written nothing there yet
// unpoison_as_it_was   the caller's, with what it held when it was poisoned

#if MILLPOND_ADDRESS_SANITIZER
inline void poison(const void* memory, std::size_t bytes) noexcept {
    if (__asan_poison_memory_region != nullptr) {
        __asan_poison_memory_region(memory, bytes);
    }
}

inline void unpoison(const void* memory, std::size_t bytes) noexcept {
    if (__asan_unpoison_memory_region != nullptr) {
        __asan_unpoison_memory_region(memory, bytes);
    }
}

inline void unpoison_as_it_was(const void* memory, std::size_t bytes) noexcept {
    unpoison(memory, bytes);
}
#elif MILLPOND_MEMORY_SANITIZER
inline void poison(const void* memory, std::size_t bytes) noexcept {
    __msan_poison(memory, bytes);
}

inline void unpoison(const void* memory, std::size_t bytes) noexcept {
    __msan_allocated_memory(memory, bytes);
}

inline void unpoison_as_it_was(const void* memory, std::size_t bytes) noexcept {
    __msan_unpoison(memory, bytes);
}
#elif MILLPOND_VALGRIND
inline void poison(const void* memory, std::size_t bytes) noexcept {
    VALGRIND_MAKE_MEM_NOACCESS(memory, bytes);
}

inline void unpoison(const void* memory, std::size_t bytes) noexcept {
    VALGRIND_MAKE_MEM_UNDEFINED(memory, bytes);
}

inline void unpoison_as_it_was(const void* memory, std::size_t bytes) noexcept {
    VALGRIND_MAKE_MEM_DEFINED(memory, bytes);
}
#else
constexpr void poison(const void* /*memory*/, std::size_t /*bytes*/) noexcept {}

constexpr void unpoison(const void* /*memory*/, std::size_t /*bytes*/) noexcept {}

constexpr void unpoison_as_it_was(const void* /*memory*/, std::size_t /*bytes*/) noexcept {}
#endif

/// Bytes that AddressSanitizer tracks together.
inline constexpr std::size_t poison_granule_bytes = MILLPOND_ADDRESS_SANITIZER != 0 ? 8 : 1;

/// Poisons a block while other threads may poison and unpoison its neighbours: granules that it
/// shares with a neighbour are left out, so they never change once they are unpoisoned.
inline void poison_beside_others(const void* memory, std::size_t bytes) noexcept {
    if constexpr (poison_granule_bytes == 1) {
        poison(memory, bytes);
    } else {
        const auto* const first = static_cast<const std::byte*>(memory);
        const auto before = (0 - reinterpret_cast<std::uintptr_t>(first)) % poison_granule_bytes;
        if (before < bytes) {
            poison(first + before, (bytes - before) / poison_granule_bytes * poison_granule_bytes);
        }
    }
}

/// True when poisoning has an effect; if not, a loop over blocks can be left out.
inline constexpr bool instrumented =
    MILLPOND_ADDRESS_SANITIZER != 0 || MILLPOND_MEMORY_SANITIZER != 0 || MILLPOND_VALGRIND != 0;

/// Starts bringing a block's first line into the cache for writing. Not a touch: it cannot fault.
#if defined(__x86_64__)
inline void prefetch_for_write(const void* memory) noexcept {
    // The builtin fetches a line for reading unless the compiler is told of a newer processor; a
    // line that another core has written then comes twice. Processors without the instruction
    // ignore it.
    asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(memory)));
}
#else
inline void prefetch_for_write(const void* memory) noexcept {
    __builtin_prefetch(memory, 1);
}
#endif

/// Starts bringing a block's first line into the cache for reading. Not a touch: it cannot fault.
inline void prefetch_for_read(const void* memory) noexcept {
    __builtin_prefetch(memory, 0);
}

} // namespace detail

MILLPOND_NAMESPACE_END
