// SPDX-License-Identifier: MIT
/// \file
/// A resource that dies with live blocks says how many of each size, and of no class how many bytes.
//
// class: pool destroyed with live blocks
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  exit 0
// says:  millpond: pool 'victim': destroyed with 2 live blocks of 64 bytes
// then:  millpond: pool 'victim': destroyed with 1 live block, 100000 bytes in all

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    it.make({.name = "victim", .leaks = millpond::leak_policy::report});
    (void)it.take(64);
    (void)it.take(60);
    (void)it.take(100'000);
    it.destroy();
})
