// SPDX-License-Identifier: MIT
/// \file
/// A block of the heap freed into a resource stops the program.
//
// class: free of a heap address
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: not a block of this pool

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    it.give(it.take(64), 64);
    void* const block = std::malloc(64);
    misuse::note("block", block);
    it.give(block, 64);
})
