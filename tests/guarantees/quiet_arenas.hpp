// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What the quiet run does with arenas: every size and alignment, objects with destructors, scopes in
/// scopes, containers, until they are full and again.

#include "millpond/millpond.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <vector>

namespace millpond::guarantees {

/// Counts the objects that were destroyed.
struct counted_end {
    explicit counted_end(std::uint64_t& counter)
        : ends(&counter) {}

    counted_end(const counted_end&) = delete;
    counted_end& operator=(const counted_end&) = delete;

    ~counted_end() { ++*ends; }

    std::uint64_t* ends;
};

/// `next` gives random numbers.
template <class Random>
void use_some(arena& home, int depth, std::uint64_t& ends, Random& next) {
    const arena::scope inner(home);
    for (int i = 0; i < 20; ++i) {
        const std::size_t bytes = next() % 2000;
        if (void* const block = home.try_allocate(bytes, std::size_t{1} << next() % 10)) {
            std::memset(block, 0x5a, bytes);
            if (bytes % 3 == 0) {
                home.deallocate(block, bytes);
            }
        }
        (void)home.try_create<counted_end>(ends);
        (void)home.try_make_array<int>(next() % 100);
        (void)home.try_duplicate("a text");
    }
    if (depth > 0) {
        use_some(home, depth - 1, ends, next);
        use_some(home, depth - 1, ends, next);
    }
}

/// A vector that grows by moving from block to block.
inline void use_a_container(arena& home) {
    const arena::scope inner(home);
    arena_resource memory(home);
    std::pmr::vector<std::uint64_t> numbers(&memory);
    for (std::uint64_t i = 0; i < 1000; ++i) {
        numbers.push_back(i);
    }
}

/// How many objects were destroyed.
template <class Random>
std::uint64_t use_arenas(arena& home, frame_arena& frames, Random& next) {
    std::uint64_t ends = 0;
    for (int round = 0; round < 200; ++round) {
        use_some(home, 4, ends, next);
        use_some(frames.current(), 1, ends, next);
        use_a_container(home);
        (void)frames.create<counted_end>(ends);
        (void)frames.try_allocate(next() % 10'000);
        frames.next_frame();
    }
    frames.next_frame(); // what is left there counts too, and counts here
    frames.next_frame();
    return ends;
}

} // namespace millpond::guarantees
