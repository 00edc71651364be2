// SPDX-License-Identifier: MIT
/// \file
/// A thread beyond the pool's `threads`, which keeps no blocks, is held to the same: a block that nobody ever got stops the program.
//
// class: free of a block never handed out
// pools: concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: never allocated

#include "late_thread.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    misuse::in_a_thread_without_blocks(it, [&] {
        auto* const block = static_cast<char*>(it.take());
        char* const never = block + 3 * misuse::block_bytes;
        misuse::note("block", never);
        it.give(never);
    });
})
