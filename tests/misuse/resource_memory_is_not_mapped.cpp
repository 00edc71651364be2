// SPDX-License-Identifier: MIT
/// \file
/// Memory of another source is refused: it is an upstream's to give.
//
// class: options that a resource does not have
// pools: pool_resource concurrent_pool_resource
// ends:  exit 0
// says:  millpond: pool 'victim': memory.source must be mapped: other memory is an upstream's

#include "resources.hpp"

MISUSE_BY_OPTIONS_OF_A_RESOURCE(.name = "victim",
                                .memory = {.source = millpond::memory_source::heap})
