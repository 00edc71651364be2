// SPDX-License-Identifier: MIT
/// \file
/// The same block twice in one bulk free stops the program.
//
// class: double free in one bulk
// pools: block_pool static_block_pool concurrent_block_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

MISUSE_OF_A_POOL({
    if constexpr (Victim::raw) {
        std::array<void*, 3> blocks{it.take(), it.take(), nullptr};
        blocks[2] = blocks[0];
        misuse::note("block", blocks[0]);
        it.pool().deallocate_bulk(blocks);
    }
})
