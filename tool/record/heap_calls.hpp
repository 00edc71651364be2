// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The program's own heap: the functions that would be called without the recorder, and the memory
/// that stands in for them while they are being looked up.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace millpond::tool::inside {

/// The next definitions behind ours: the C library's, or those of a heap the program brings along.
struct heap_calls {
    void* (*malloc)(std::size_t);
    void* (*calloc)(std::size_t, std::size_t);
    void* (*realloc)(void*, std::size_t);
    void (*free)(void*);
    int (*posix_memalign)(void**, std::size_t, std::size_t);
    void* (*aligned_alloc)(std::size_t, std::size_t);
    void* (*memalign)(std::size_t, std::size_t);
    void* (*valloc)(std::size_t);
    void* (*pvalloc)(std::size_t);
};

extern heap_calls heap;
extern std::atomic<bool> heap_found;

/// Looks the functions up and joins the recording. False while that is under way further up this
/// thread's stack: the caller then uses the stand-in.
bool find_heap_slow() noexcept;

inline bool find_heap() noexcept {
    // Pairs with the release in find_heap_slow: `heap` is complete.
    return __builtin_expect(heap_found.load(std::memory_order_acquire), 1) || find_heap_slow();
}

/// Zeroed memory for what the dynamic loader allocates while it looks up the functions.
void* stand_in_allocate(std::size_t size) noexcept;
inline constexpr std::size_t stand_in_bytes = 16384;
extern unsigned char stand_in[stand_in_bytes];

[[nodiscard]] inline bool is_stand_in(const void* p) noexcept {
    const auto at = reinterpret_cast<std::uintptr_t>(p);
    return at - reinterpret_cast<std::uintptr_t>(stand_in) < stand_in_bytes;
}

[[nodiscard]] std::size_t stand_in_size(const void* p) noexcept;

} // namespace millpond::tool::inside
