// SPDX-License-Identifier: MIT
/// \file
/// A resource at its limit throws an error that names it, its limit and what is taken, and has given no more than the limit allows.
//
// class: bounded pool exhausted
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  exit 0
// says:  millpond: pool 'victim' is exhausted: capacity 10000, peak 0

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    it.make({.name = "victim", .limit_bytes = 10'000});
    std::vector<void*> blocks;
    try {
        while (blocks.size() < 10'000 / 64 + 1) {
            blocks.push_back(it.take(64));
        }
        std::fprintf(stderr, "more than the limit\n");
    } catch (const millpond::pool_exhausted&) {
        for (void* const block : blocks) {
            it.give(block, 64);
        }
    }
    (void)it.resource().shrink();
    try {
        (void)it.take(20'000);
    } catch (const millpond::pool_exhausted& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    it.require_sound();
})
