// SPDX-License-Identifier: MIT
/// \file
/// A block freed as a size that the resource has no pool for yet stops the program.
//
// class: wrong size or alignment at a free
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: a block of 64 bytes, freed as 3000 bytes aligned to 16

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(64);
    misuse::note("block", block);
    it.give(block, 3000);
})
