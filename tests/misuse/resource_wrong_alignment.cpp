// SPDX-License-Identifier: MIT
/// \file
/// A block freed with an alignment that another class serves stops the program.
//
// class: wrong size or alignment at a free
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: a block of 48 bytes, freed as 48 bytes aligned to 32

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(48, 8);
    misuse::note("block", block);
    it.give(block, 48, 32);
})
