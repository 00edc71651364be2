// SPDX-License-Identifier: MIT
/// \file
/// An allocation that goes upstream from a destroyed resource stops the program, as long as the resource object's memory is there.
//
// class: allocation from a destroyed pool
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': allocation: the pool is destroyed

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    it.give(it.take(100'000), 100'000);
    it.destroy();
    (void)it.take(100'000);
})
