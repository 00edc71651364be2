// SPDX-License-Identifier: MIT
/// \file
/// A block freed again after it was freed beyond the full magazine stops the program.
//
// class: double free after another free
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

MISUSE_OF_A_POOL({
    const auto blocks = it.take_all();
    for (std::size_t i = 0; i < Victim::kept() + 3; ++i) {
        it.give(blocks[i]);
    }
    void* const beyond = blocks[Victim::kept() + 1];
    misuse::note("block", beyond);
    it.give(beyond);
})
