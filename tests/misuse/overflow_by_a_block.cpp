// SPDX-License-Identifier: MIT
/// \file
/// A write past a block's end damages its neighbour but cannot reach the pool.
//
// class: overflow by 1 or 8 bytes or a whole block
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  exit 0
// says:  nothing

#include "victim.hpp"

MISUSE_OF_A_POOL({
    auto* const first = static_cast<char*>(it.take());
    void* const next = it.take();
    std::memset(misuse::opaque(first), 0xff, 2 * misuse::block_bytes);
    it.require_sound();
    it.give(first);
    it.give(next);
    it.require_sound();
})
