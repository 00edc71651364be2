// SPDX-License-Identifier: MIT
/// \file
/// A block of another pool with the same block size stops the program.
//
// class: free of another pool's block
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: not a block of this pool, which is {first} to {end}

#include "victim.hpp"

MISUSE_OF_A_POOL({
    const auto blocks = it.take_all();
    misuse::note("first", blocks.front());
    misuse::note("end", static_cast<char*>(blocks.back()) + misuse::block_bytes);
    millpond::block_pool other({.name = "other",
                                .block_bytes = misuse::block_bytes,
                                .capacity = 100,
                                .leaks = millpond::leak_policy::ignore});
    void* const block = other.allocate();
    misuse::note("block", block);
    it.give(block);
})
