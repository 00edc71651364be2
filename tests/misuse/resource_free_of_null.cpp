// SPDX-License-Identifier: MIT
/// \file
/// A free of a null pointer is ignored, whatever size it is said to have.
//
// class: free of null
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  exit 0
// says:  nothing

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    it.give(nullptr, 64); // there is no pool yet
    it.give(nullptr, 100'000);
    void* const block = it.take(64);
    it.give(nullptr, 64);
    it.give(nullptr, 100'000);
    it.give(block, 64);
    it.require_sound();
    it.destroy();
})
