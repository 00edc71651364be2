// SPDX-License-Identifier: MIT
/// \file
/// A free into a destroyed resource stops the program, as long as the resource object's memory is there.
//
// class: free into a destroyed pool
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: the pool is destroyed

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(64);
    misuse::note("block", block);
    it.destroy();
    it.give(block, 64);
})
