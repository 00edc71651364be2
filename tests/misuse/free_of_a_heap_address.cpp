// SPDX-License-Identifier: MIT
/// \file
/// A block of the C heap stops the program.
//
// class: free of a heap address
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: not a block of this pool, which is {first} to {end}

#include "victim.hpp"

MISUSE_OF_A_POOL({
    const auto blocks = it.take_all();
    misuse::note("first", blocks.front());
    misuse::note("end", static_cast<char*>(blocks.back()) + misuse::block_bytes);
    void* const other = std::aligned_alloc(64, 64);
    misuse::note("block", other);
    it.give(misuse::opaque(other));
})
