// SPDX-License-Identifier: MIT
/// \file
/// A bulk allocation from a pool that is gone stops the program as long as the pool object's memory is there.
//
// class: allocation from a destroyed pool
// pools: block_pool static_block_pool concurrent_block_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': allocation: the pool is destroyed

#include "victim.hpp"

MISUSE_OF_A_POOL({
    if constexpr (Victim::raw) {
        std::array<void*, 3> blocks{};
        it.give(it.take());
        it.destroy_pool();
        (void)misuse::opaque(&it.pool())->try_allocate_bulk(blocks);
    }
})
