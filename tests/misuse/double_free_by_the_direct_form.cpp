// SPDX-License-Identifier: MIT
/// \file
/// A block freed twice by the form for signal handlers stops the program.
//
// class: double free at once
// pools: concurrent_block_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    if constexpr (Victim::raw) {
        void* const block = it.pool().try_allocate_direct();
        misuse::note("block", block);
        it.pool().deallocate_direct(block);
        it.pool().deallocate_direct(block);
    }
})
