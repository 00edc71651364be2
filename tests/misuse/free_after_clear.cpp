// SPDX-License-Identifier: MIT
/// \file
/// A block that `clear` took away stops the program.
//
// class: free of a block never handed out
// pools: block_pool object_pool static_block_pool static_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: never allocated

#include "victim.hpp"

MISUSE_OF_A_POOL_FOR_ONE_THREAD({
    void* const block = it.take();
    misuse::note("block", block);
    it.pool().clear();
    it.give(block);
})
