// SPDX-License-Identifier: MIT
/// \file
/// A full concurrent pool returns nullptr, or throws an error that names pool and capacity: a peak is not counted.
//
// class: bounded pool exhausted
// pools: concurrent_block_pool concurrent_object_pool
// ends:  exit 0
// says:  millpond: pool 'victim' is exhausted: capacity 3000

#include "victim.hpp"

MISUSE_OF_A_POOL({
    (void)it.take_all();
    try {
        if constexpr (Victim::raw) {
            (void)it.pool().allocate();
        } else {
            (void)it.pool().create();
        }
    } catch (const millpond::pool_exhausted& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    it.require_sound();
})
