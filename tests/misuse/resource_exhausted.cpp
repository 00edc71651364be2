// SPDX-License-Identifier: MIT
/// \file
/// A resource at its limit throws an error that names it, its limit and what did not fit, and has given no more than the limit allows.
//
// class: bounded pool exhausted
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  exit 0
// says:  millpond: pool 'victim' is exhausted: 20000 bytes do not fit, capacity 10000 bytes

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    constexpr std::size_t limit = 10'000;
    it.make({.name = "victim", .limit_bytes = limit});
    std::vector<std::pair<void*, std::size_t>> blocks;
    std::size_t taken = 0;
    for (const std::size_t bytes : {64U, 128U}) {
        try {
            while (taken <= limit) {
                blocks.emplace_back(it.take(bytes), bytes);
                taken += bytes;
            }
            std::fprintf(stderr, "more than the limit\n");
        } catch (const millpond::pool_exhausted&) {
            it.require_sound();
        }
    }
    for (const auto& [block, bytes] : blocks) {
        it.give(block, bytes);
    }
    (void)it.resource().shrink();
    try {
        (void)it.take(2 * limit);
    } catch (const millpond::pool_exhausted& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    it.require_sound();
    it.destroy();
})
