// SPDX-License-Identifier: MIT
/// \file
/// A block freed again while its word is being handed out stops the program.
//
// class: double free after another free
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

MISUSE_OF_A_POOL({
    const auto blocks = it.take_all();
    for (std::size_t i = 0; i < Victim::kept() + 40; ++i) {
        it.give(blocks[i]); // the last forty beyond the magazine
    }
    for (std::size_t i = 0; i < Victim::kept() + 5; ++i) {
        (void)it.take(); // the magazine, then five of a word
    }
    void* const coming = blocks[Victim::kept() + 30];
    misuse::note("block", coming);
    it.give(coming);
})
