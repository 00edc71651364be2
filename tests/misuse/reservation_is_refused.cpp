// SPDX-License-Identifier: MIT
/// \file
/// A reservation of more than there is throws, names the pool, and sets nothing aside.
//
// class: bounded pool exhausted
// pools: concurrent_block_pool concurrent_object_pool
// ends:  exit 0
// says:  millpond: pool 'victim' is exhausted: capacity 3000

#include "victim.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    const std::size_t all = it.pool().stats().blocks;
    try {
        (void)it.pool().reserve_tokens(all + 1);
    } catch (const millpond::pool_exhausted& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    it.require_sound();
    if (it.take_all().size() != all) {
        std::exit(4);
    }
})
