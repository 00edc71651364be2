// SPDX-License-Identifier: MIT
/// \file
/// A block freed twice through a thread's view stops the program.
//
// class: double free at once
// pools: concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "victim.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    auto view = it.pool().local();
    void* const block = it.take();
    misuse::note("block", block);
    for (int i = 0; i < 2; ++i) {
        if constexpr (Victim::raw) {
            view.deallocate(block);
        } else {
            view.destroy(static_cast<misuse::record*>(block));
        }
    }
})
