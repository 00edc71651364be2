// SPDX-License-Identifier: MIT
/// \file
/// A resource that was told to stop at leaks does, after it has said all of them.
//
// class: pool destroyed with live blocks
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': destroyed with 1 live block of 64 bytes
// then:  millpond: pool 'victim': destroyed with 1 live block of 1024 bytes

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    it.make({.name = "victim", .leaks = millpond::leak_policy::stop});
    (void)it.take(64);
    (void)it.take(1000);
    it.destroy();
})
