// SPDX-License-Identifier: MIT
/// \file
/// A block of a resource freed again after others of its size and of another stops the program.
//
// class: double free after another free
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(100);
    void* const other = it.take(100);
    void* const larger = it.take(5000);
    misuse::note("block", block);
    it.give(other, 100);
    it.give(block, 100);
    it.give(larger, 5000);
    it.give(block, 100);
})
