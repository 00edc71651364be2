// SPDX-License-Identifier: MIT
/// \file
/// A free into a pool that is gone, by another thread that used it before, stops the program as long as the pool object's memory is there.
//
// class: free into a destroyed pool
// pools: concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: the pool is destroyed

#include "threads.hpp"
#include "victim.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    void* block = nullptr;
    misuse::two_steps other([&] { block = it.take(); }, [&] { it.give(block); });
    misuse::note("block", block);
    it.destroy_pool();
    other.finish();
})
