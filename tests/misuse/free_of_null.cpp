// SPDX-License-Identifier: MIT
/// \file
/// A null pointer is ignored as in C and C++.
//
// class: free of null
// pools: block_pool object_pool static_block_pool static_object_pool concurrent_block_pool concurrent_object_pool
// ends:  exit 0
// says:  nothing

#include "victim.hpp"

MISUSE_OF_A_POOL({
    it.give(nullptr);
    (void)it.take();
    it.give(nullptr);
    it.require_sound();
    it.destroy_pool();
})
