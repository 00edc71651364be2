// SPDX-License-Identifier: MIT
/// \file
/// A block of more than 4 KiB that is freed twice stops the program.
//
// class: double free at once
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const kept = it.take(20'000); // by its class, once it is free
    void* const block = it.take(20'000);
    misuse::note("block", block);
    it.give(kept, 20'000);
    it.give(block, 20'000);
    it.give(block, 20'000);
})
