// SPDX-License-Identifier: MIT
/// \file
/// A block freed again while its word is being gathered stops the program.
//
// class: double free after another free
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

MISUSE_OF_A_POOL({
    const auto blocks = it.take_all();
    // Those freed last wait in the magazine, the oldest leave it; where there is a front, the very
    // first stays there.
    for (std::size_t i = 0; i < Victim::kept() + 3; ++i) {
        it.give(blocks[i]);
    }
    misuse::note("block", blocks[2]);
    it.give(blocks[2]);
})
