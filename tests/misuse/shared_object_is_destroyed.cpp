// SPDX-License-Identifier: MIT
/// \file
/// An object that is destroyed under its shared owners stops the program when the last of them goes.
//
// class: double free at once
// pools: object_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "owners.hpp"

MISUSE_OF_A_SHARED_OWNER({
    const auto owner = it.pool().make_shared();
    misuse::note("block", owner.get());
    it.give(owner.get());
})
