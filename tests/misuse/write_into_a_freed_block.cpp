// SPDX-License-Identifier: MIT
/// \file
/// A write into freed blocks cannot harm the pool: they hold no metadata.
//
// class: write into a freed block
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  exit 0
// says:  nothing
// sanitizer: stops it

#include "victim.hpp"

MISUSE_OF_A_POOL({
    const auto blocks = it.take_all();
    for (void* const block : blocks) {
        it.give(block);
    }
    for (void* const block : blocks) {
        std::memset(misuse::opaque(block), 0xff, misuse::block_bytes);
    }
    it.require_sound();
    if (it.take_all().size() != blocks.size()) {
        std::exit(4);
    }
    it.require_sound();
})
