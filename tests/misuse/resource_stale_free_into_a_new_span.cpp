// SPDX-License-Identifier: MIT
/// \file
/// A block whose memory has gone to a block of another size since is not freed with that one's memory.
//
// class: double free after the block was handed out again
// pools: pool_resource
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: a block of 24576 bytes, freed as 20000 bytes aligned to 16

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const kept = it.take(20'000); // by its class, once it is free
    void* const block = it.take(20'000);
    misuse::note("block", block);
    it.give(kept, 20'000);
    it.give(block, 20'000);
    void* const other = it.take(24'000);
    if (other != block) {
        std::fprintf(stderr, "the memory was not used again\n");
        std::exit(3);
    }
    it.give(block, 20'000);
})
