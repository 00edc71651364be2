// SPDX-License-Identifier: MIT
/// \file
/// A block whose memory a shrink has returned is none of the resource's any more.
//
// class: double free after another free
// pools: pool_resource
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: not a block of this pool

#include <array>

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    std::array<void*, 300> blocks{};
    for (void*& block : blocks) {
        block = it.take(100);
    }
    for (void* const block : blocks) {
        it.give(block, 100);
    }
    (void)it.resource().shrink();
    misuse::note("block", blocks[200]);
    it.give(blocks[200], 100);
})
