// SPDX-License-Identifier: MIT
/// \file
/// A thread beyond the pool's `threads`, which keeps no blocks, is held to the same: a block freed twice stops the program.
//
// class: double free at once
// pools: concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "late_thread.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    misuse::in_a_thread_without_blocks(it, [&] {
        void* const block = it.take();
        misuse::note("block", block);
        it.give(block);
        it.give(block);
    });
})
