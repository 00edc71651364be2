// SPDX-License-Identifier: MIT
/// \file
/// An address 16 bytes into a live block stops the program and names the block.
//
// class: free of an interior address
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: 16 bytes inside the block at {start}

#include "victim.hpp"

MISUSE_OF_A_POOL({
    (void)it.take();
    auto* const start = static_cast<char*>(it.take());
    misuse::note("start", start);
    misuse::note("block", start + 16);
    it.give(start + 16);
})
