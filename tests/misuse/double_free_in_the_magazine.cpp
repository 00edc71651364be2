// SPDX-License-Identifier: MIT
/// \file
/// A block freed again while it waits in the magazine stops the program.
//
// class: double free after another free
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

MISUSE_OF_A_POOL({
    const auto blocks = it.take_all();
    for (int i = 0; i < 10; ++i) {
        it.give(blocks[static_cast<std::size_t>(i)]);
    }
    misuse::note("block", blocks[5]);
    it.give(blocks[5]);
})
