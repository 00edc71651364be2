// SPDX-License-Identifier: MIT
/// \file
/// An allocation from a pool that is gone by the form for signal handlers stops the program as long as the pool object's memory is there.
//
// class: allocation from a destroyed pool
// pools: concurrent_block_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': allocation: the pool is destroyed

#include "victim.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    if constexpr (Victim::raw) {
        it.destroy_pool();
        (void)misuse::opaque(&it.pool())->try_allocate_direct();
    }
})
