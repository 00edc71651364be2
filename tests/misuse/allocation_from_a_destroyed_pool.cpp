// SPDX-License-Identifier: MIT
/// \file
/// An allocation from a pool that is gone stops the program, although blocks were free when it died, as long as the pool object's memory is there.
//
// class: allocation from a destroyed pool
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': allocation: the pool is destroyed

#include "victim.hpp"

MISUSE_OF_A_POOL({
    for (void* const block : it.take_up_to(2000)) {
        it.give(block);
    }
    it.destroy_pool();
    (void)it.take();
})
