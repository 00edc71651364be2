// SPDX-License-Identifier: MIT
/// \file
/// A free into a pool that was moved from stops the program.
//
// class: free into a moved-from pool
// pools: block_pool object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: the pool was moved from

#include "victim.hpp"

MISUSE_OF_A_POOL({
    if constexpr (Victim::movable) {
        void* const block = it.take();
        misuse::note("block", block);
        const auto other = std::move(it.pool());
        it.give(block);
    }
})
