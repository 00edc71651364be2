// SPDX-License-Identifier: MIT
/// \file
/// A block freed again after it was handed out to somebody else takes that owner's block away: a raw pointer cannot tell. The pool itself stays sound.
//
// class: double free after the block was handed out again
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  exit 0
// says:  nothing
// twice: the second owner's object is destroyed by the first's stale pointer

#include "victim.hpp"

MISUSE_OF_A_POOL({
    void* const block = it.take();
    it.give(block);
    if (it.take() != block) {
        std::exit(4);
    }
    it.give(misuse::opaque(block));
    it.require_sound();
})
