// SPDX-License-Identifier: MIT
/// \file
/// A block of a pool, freed as one that no pool serves, stops the program.
//
// class: wrong size or alignment at a free
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: a block of 64 bytes, freed as 100000 bytes aligned to 16

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    it.give(it.take(100'000), 100'000);
    void* const block = it.take(64);
    misuse::note("block", block);
    it.give(block, 100'000);
})
