// SPDX-License-Identifier: MIT
/// \file
/// A block that another thread has freed and its own thread frees again stops the program.
//
// class: double free by another thread
// pools: concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "threads.hpp"
#include "victim.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    void* const block = it.take();
    misuse::note("block", block);
    misuse::in_another_thread([&] { it.give(block); });
    it.give(block);
})
