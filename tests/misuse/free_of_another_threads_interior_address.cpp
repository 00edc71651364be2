// SPDX-License-Identifier: MIT
/// \file
/// An address 16 bytes into a block that another thread allocated stops the program and names the block.
//
// class: free of an interior address
// pools: concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: 16 bytes inside the block at {start}

#include "threads.hpp"
#include "victim.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    char* start = nullptr;
    misuse::in_another_thread([&] { start = static_cast<char*>(it.take()); });
    misuse::note("start", start);
    misuse::note("block", start + 16);
    it.give(start + 16);
})
