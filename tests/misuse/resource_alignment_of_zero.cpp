// SPDX-License-Identifier: MIT
/// \file
/// An allocation from a resource with an alignment of zero stops the program.
//
// class: block size 0, capacity 0, alignment not a power of two, count x size overflow
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': allocation with alignment 0: not a power of two

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({ (void)it.take(100'000, 0); })
