// SPDX-License-Identifier: MIT
/// \file
/// Locked memory is refused: a pool for every size would lock too much.
//
// class: options that a resource does not have
// pools: pool_resource concurrent_pool_resource
// ends:  exit 0
// says:  millpond: pool 'victim': memory.lock is not supported

#include "resources.hpp"

MISUSE_BY_OPTIONS_OF_A_RESOURCE(.name = "victim", .memory = {.lock = true})
