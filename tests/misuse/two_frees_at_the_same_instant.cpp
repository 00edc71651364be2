// SPDX-License-Identifier: MIT
/// \file
/// A block freed twice in the same instant stops the program, wherever the one free meets the other: at the second, or when the block would be handed out twice.
//
// class: two frees at the same instant
// pools: concurrent_block_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "two_frees.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    if constexpr (Victim::raw) {
        void* const block = it.take();
        const misuse::two_frees frees(it, block);
        // Somewhere both passed: the block was free twice then, and was found.
        frees.again(frees.first_that_both_passed());
    }
})
