// SPDX-License-Identifier: MIT
/// \file
/// A block that came from the upstream by itself, freed into a destroyed resource, stops the program.
//
// class: free into a destroyed pool
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: the pool is destroyed

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(100'000);
    misuse::note("block", block);
    it.destroy();
    it.give(block, 100'000);
})
