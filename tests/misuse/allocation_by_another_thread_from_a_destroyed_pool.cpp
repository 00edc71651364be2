// SPDX-License-Identifier: MIT
/// \file
/// An allocation from a pool that is gone, by another thread that kept blocks of it, stops the program as long as the pool object's memory is there.
//
// class: allocation from a destroyed pool
// pools: concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': allocation: the pool is destroyed

#include "threads.hpp"
#include "victim.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    misuse::two_steps other([&] { it.give(it.take()); }, [&] { (void)it.take(); });
    it.destroy_pool();
    other.finish();
})
