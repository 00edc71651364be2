// SPDX-License-Identifier: MIT
/// \file
/// An alignment that is a multiple of powers of two and none itself stops the program, also where room is reserved.
//
// class: block size 0, capacity 0, alignment not a power of two, count x size overflow
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': allocation with alignment 48: not a power of two

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({ it.resource().reserve(1, 96, 48); })
