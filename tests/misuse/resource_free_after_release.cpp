// SPDX-License-Identifier: MIT
/// \file
/// A block freed after a release stops the program: it is nobody's any more.
//
// class: free into a destroyed pool
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: not a block of this pool

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(64);
    misuse::note("block", block);
    it.resource().release();
    it.give(block, 64);
})
