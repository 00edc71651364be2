// SPDX-License-Identifier: MIT
/// \file
/// A block that came from the upstream by itself is forgotten when it is freed; a second free is of no block.
//
// class: double free at once
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: not a block of this pool

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(100'000);
    void* const other = it.take(100'000);
    misuse::note("block", block);
    it.give(block, 100'000);
    it.give(block, 100'000);
    it.give(other, 100'000);
})
