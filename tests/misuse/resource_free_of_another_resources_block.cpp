// SPDX-License-Identifier: MIT
/// \file
/// A block of another resource stops the program, although it has the right size.
//
// class: free of another pool's block
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: not a block of this pool

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    it.give(it.take(64), 64);
    millpond::pool_resource other({.name = "other"});
    void* const block = other.allocate(64);
    misuse::note("block", block);
    it.give(block, 64);
})
