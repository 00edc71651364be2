// SPDX-License-Identifier: MIT
/// \file
/// An address inside a block of a resource stops the program and names the block.
//
// class: free of an interior address
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {address}: 48 bytes inside the block at {block}

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    std::array<void*, 1024> blocks{}; // so that all around are live
    for (void*& block : blocks) {
        block = it.take(144);
    }
    void* const block = blocks[500];
    void* const address = static_cast<std::byte*>(block) + 48;
    misuse::note("block", block);
    misuse::note("address", address);
    it.give(address, 144);
})
