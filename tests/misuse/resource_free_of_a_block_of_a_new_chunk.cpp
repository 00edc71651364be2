// SPDX-License-Identifier: MIT
/// \file
/// A chunk that takes the place of one that went back upstream knows nothing of the other's blocks.
//
// class: free of a block never handed out
// pools: pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {address}: never allocated

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    std::array<void*, 20> blocks{};
    for (void*& block : blocks) {
        block = it.take(64);
    }
    for (void* const block : blocks) {
        it.give(block, 64);
    }
    if (it.resource().shrink() == 0) {
        std::fprintf(stderr, "nothing went back\n");
    }
    void* const block = it.take(64);
    void* const address = static_cast<std::byte*>(block) + 64 * 5;
    misuse::note("address", address);
    it.give(address, 64);
})
