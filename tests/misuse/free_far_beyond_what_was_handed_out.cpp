// SPDX-License-Identifier: MIT
/// \file
/// A block far beyond the last that anybody got stops the program.
//
// class: free of a block never handed out
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: never allocated

#include "victim.hpp"

MISUSE_OF_A_POOL({
    auto* const first = static_cast<char*>(it.take());
    char* const never = first + 2999 * misuse::block_bytes;
    misuse::note("block", never);
    it.give(never);
})
