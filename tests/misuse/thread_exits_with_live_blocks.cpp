// SPDX-License-Identifier: MIT
/// \file
/// Blocks that a thread allocated outlive it: any other thread frees them, and one that has its place in the pool by then is not mistaken for it.
//
// class: thread exits with cached blocks
// pools: concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "threads.hpp"
#include "victim.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    void* block = nullptr;
    misuse::in_another_thread([&] { block = it.take(); });
    misuse::note("block", block);
    misuse::in_another_thread([&] {
        it.give(block);
        it.require_sound();
        it.give(block);
    });
})
