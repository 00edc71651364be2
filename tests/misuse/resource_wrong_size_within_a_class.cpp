// SPDX-License-Identifier: MIT
/// \file
/// Two sizes that the same class serves are not told apart: the block is the same.
//
// class: wrong size or alignment at a free
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  exit 0
// says:  nothing

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(100);
    it.give(block, 112);
    it.require_sound();
    it.destroy();
})
