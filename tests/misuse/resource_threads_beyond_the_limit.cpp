// SPDX-License-Identifier: MIT
/// \file
/// More threads than have an index are refused with field, value and limit.
//
// class: too many threads asked for
// pools: pool_resource concurrent_pool_resource
// ends:  exit 0
// says:  millpond: pool 'victim': threads is 251, must be at most 250

#include "resources.hpp"

MISUSE_BY_OPTIONS_OF_A_RESOURCE(.name = "victim", .threads = 251)
