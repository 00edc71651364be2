// SPDX-License-Identifier: MIT
/// \file
/// A block that came from the upstream by itself, freed with another alignment, stops the program.
//
// class: wrong size or alignment at a free
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: a block of 100000 bytes, freed as 100000 bytes aligned to 64

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(100'000, 4096);
    misuse::note("block", block);
    it.give(block, 100'000, 64);
})
