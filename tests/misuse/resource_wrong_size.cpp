// SPDX-License-Identifier: MIT
/// \file
/// A block freed as a size of another class stops the program and says how large it is.
//
// class: wrong size or alignment at a free
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: a block of 64 bytes, freed as 1000 bytes aligned to 16

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    it.give(it.take(1000), 1000);
    void* const block = it.take(64);
    misuse::note("block", block);
    it.give(block, 1000);
})
