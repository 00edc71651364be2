// SPDX-License-Identifier: MIT
/// \file
/// An address inside a block, freed as a size that would fit there, stops the program and names the block.
//
// class: free of an interior address
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {address}: 64 bytes inside the block at {block}

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    it.give(it.take(64), 64); // there is a pool for such blocks
    void* const block = it.take(1024);
    void* const address = static_cast<std::byte*>(block) + 64;
    misuse::note("block", block);
    misuse::note("address", address);
    it.give(address, 64);
})
