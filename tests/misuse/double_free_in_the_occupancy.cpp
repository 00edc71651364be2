// SPDX-License-Identifier: MIT
/// \file
/// A block freed again long after it went back into the occupancy stops the program.
//
// class: double free after another free
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

MISUSE_OF_A_POOL({
    const auto blocks = it.take_all();
    for (void* const block : blocks) {
        it.give(block);
    }
    void* const old = blocks[Victim::kept() + 70];
    misuse::note("block", old);
    it.give(old);
})
