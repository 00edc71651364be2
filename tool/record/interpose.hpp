// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the replaced functions have in common: do the real thing, and say so in the right order.
///
/// An allocation is recorded after the heap has returned the block, a free before the heap gets it
/// back, so by the clock a block is never freed before it was allocated nor handed out again
/// before it was freed.

#include <bit>
#include <cstddef>
#include <cstdint>

#include "record/heap_calls.hpp"
#include "record/inside.hpp"
#include "trace/event_code.hpp"

#define MILLPOND_REPLACES extern "C" __attribute__((visibility("default"), noinline))
#define MILLPOND_CALLER   (reinterpret_cast<std::uintptr_t>(__builtin_return_address(0)))

namespace millpond::tool::inside {

inline std::uint64_t address_of(const void* p) noexcept {
    return reinterpret_cast<std::uintptr_t>(p);
}

[[gnu::always_inline]] inline void* recorded(void* p,
                                             std::size_t size,
                                             std::uintptr_t site,
                                             std::uint8_t op,
                                             std::size_t alignment = 0) noexcept {
    if (__builtin_expect(p != nullptr, 1)) {
        raw_event what;
        what.op = op;
        what.size = size;
        what.address = address_of(p);
        what.site = site;
        what.alignment_log2 = static_cast<std::uint8_t>(std::bit_width(alignment | 1U) - 1);
        record(what);
    }
    return p;
}

[[gnu::always_inline]] inline void* allocate(std::size_t size, std::uintptr_t site) noexcept {
    if (!find_heap()) {
        return stand_in_allocate(size);
    }
    return recorded(heap.malloc(size), size, site, raw_allocate);
}

[[gnu::always_inline]] inline void release(void* p, std::uintptr_t site) noexcept {
    if (p == nullptr || is_stand_in(p) || !find_heap()) {
        return;
    }
    raw_event what;
    what.op = raw_free;
    what.address = address_of(p);
    what.site = site;
    record(what);
    heap.free(p);
}

} // namespace millpond::tool::inside
