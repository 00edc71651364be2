// SPDX-License-Identifier: MIT
/// \file
/// A block of a pool's that nobody had yet stops the program.
//
// class: free of a block never handed out
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {address}: never allocated

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    void* const block = it.take(64);
    void* const address = static_cast<std::byte*>(block) + 64 * 5;
    misuse::note("address", address);
    it.give(address, 64);
})
