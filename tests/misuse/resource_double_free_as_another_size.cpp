// SPDX-License-Identifier: MIT
/// \file
/// A block freed again as another size stops the program as one that was freed twice.
//
// class: double free at once
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(64);
    misuse::note("block", block);
    it.give(block, 64);
    it.give(block, 1000);
})
