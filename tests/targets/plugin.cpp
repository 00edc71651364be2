// SPDX-License-Identifier: MIT
/// \file
/// A library with a copy of millpond of its own, and one concurrent pool.
#include "millpond/pool/concurrent_block_pool.hpp"

#include <array>
#include <cstddef>

namespace {

constexpr std::size_t blocks = 100;

millpond::concurrent_block_pool& pool() {
    static millpond::concurrent_block_pool only(
        {.name = "plugin", .block_bytes = 32, .capacity = 2 * blocks, .threads = 2});
    return only;
}

} // namespace

/// Takes some dozens of blocks and frees them; false if the pool is not sound.
extern "C" bool plugin_work(std::size_t rounds) {
    std::array<void*, blocks> held{};
    for (std::size_t round = 0; round < rounds; ++round) {
        for (void*& block : held) {
            block = pool().allocate();
            *static_cast<std::size_t*>(block) = round;
        }
        for (void* const block : held) {
            pool().deallocate(block);
        }
    }
    return pool().size_estimate() == 0;
}
