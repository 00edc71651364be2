// SPDX-License-Identifier: MIT
/// \file
/// An owner that was made without a pool, and is given an object, stops the program when it ends.
//
// class: owner without a pool
// pools: object_pool static_object_pool concurrent_object_pool
// ends:  SIGABRT
// says:  millpond: free of {block}: the owner has no pool

#include "victim.hpp"

MISUSE_OF_A_POOL({
    if constexpr (!Victim::raw) {
        auto made = it.pool().make_unique();
        misuse::note("block", made.get());
        decltype(made) without_pool;
        without_pool.reset(made.release());
    }
})
