// SPDX-License-Identifier: MIT
/// \file
/// A block of a resource freed twice stops the program, whichever size it has.
//
// class: double free at once
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(1000);
    misuse::note("block", block);
    it.give(block, 1000);
    it.give(block, 1000);
})
