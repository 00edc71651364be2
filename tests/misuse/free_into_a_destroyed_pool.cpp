// SPDX-License-Identifier: MIT
/// \file
/// A free into a pool that is gone stops the program as long as the pool object's memory is there.
//
// class: free into a destroyed pool
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: the pool is destroyed

#include "victim.hpp"

MISUSE_OF_A_POOL({
    void* const block = it.take();
    misuse::note("block", block);
    it.destroy_pool();
    it.give(block);
})
