// SPDX-License-Identifier: MIT
/// \file
/// A block freed twice in a row stops the program.
//
// class: double free at once
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

MISUSE_OF_A_POOL({
    void* const block = it.take();
    misuse::note("block", block);
    it.give(block);
    it.give(block);
})
