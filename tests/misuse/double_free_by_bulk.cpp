// SPDX-License-Identifier: MIT
/// \file
/// A bulk free of a block that is free already stops the program.
//
// class: double free in one bulk
// pools: block_pool static_block_pool concurrent_block_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

MISUSE_OF_A_POOL({
    if constexpr (Victim::raw) {
        const std::array<void*, 2> blocks{it.take(), it.take()};
        misuse::note("block", blocks[1]);
        it.give(blocks[1]);
        it.pool().deallocate_bulk(blocks);
    }
})
