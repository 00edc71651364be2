// SPDX-License-Identifier: MIT
/// \file
/// The last shared owner of an object that went with its pool stops the program, whatever has become of the pool object's memory.
//
// class: shared owner left when its pool dies
// pools: object_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: the pool is destroyed

#include "owners.hpp"

MISUSE_OF_A_SHARED_OWNER({
    const auto owner = it.pool().make_shared();
    misuse::note("block", owner.get());
    it.destroy_pool();
    misuse::overwrite_pool(it);
})
