// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Threads that begin together, and what a test does with a whole pool: take everything, give it back.

#include <barrier>
#include <cstddef>
#include <thread>
#include <vector>

#include "support/sanitized.hpp"

namespace millpond::test {

/// Runs `body(i)` in `count` threads that begin at the same time; returns when all have ended.
template <class Body>
void run_together(std::size_t count, Body body) {
    std::barrier<> begin(static_cast<std::ptrdiff_t>(count));
    std::vector<std::thread> crew;
    crew.reserve(count);
    for (std::size_t i = 0; i < count; ++i) {
        crew.emplace_back([i, &begin, &body] {
            begin.arrive_and_wait();
            body(i);
        });
    }
    for (std::thread& one : crew) {
        one.join();
    }
}

/// Allocates until the pool has nothing left.
template <class Pool>
std::vector<void*> drain(Pool& pool) {
    std::vector<void*> blocks;
    while (void* const block = pool.try_allocate()) {
        blocks.push_back(block);
    }
    return blocks;
}

/// Frees all of them, in the order in which they were allocated.
template <class Pool>
void free_all(Pool& pool, std::vector<void*>& blocks) {
    for (void* const block : blocks) {
        pool.deallocate(block);
    }
    blocks.clear();
}

/// How many blocks there are to be had now. They are all free again afterwards.
template <class Pool>
std::size_t count_available(Pool& pool) {
    std::vector<void*> blocks = drain(pool);
    const std::size_t count = blocks.size();
    free_all(pool, blocks);
    return count;
}

} // namespace millpond::test
