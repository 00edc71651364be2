// SPDX-License-Identifier: MIT
/// \file
/// A full pool returns nullptr, or throws an error that names pool, capacity and peak.
//
// class: bounded pool exhausted
// pools: block_pool object_pool static_block_pool static_object_pool
// ends:  exit 0
// says:  millpond: pool 'victim' is exhausted: capacity 3000, peak 3000

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
