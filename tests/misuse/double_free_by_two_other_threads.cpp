// SPDX-License-Identifier: MIT
/// \file
/// A block freed by two threads of which neither allocated it stops the program.
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
    // The first still runs when the second frees, so that they are in different seats.
    misuse::two_steps first([&] { it.give(block); }, [] {});
    misuse::in_another_thread([&] { it.give(block); });
    first.finish();
})
