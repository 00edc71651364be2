// SPDX-License-Identifier: MIT
/// \file
/// A raw pool that dies with live blocks says how many.
//
// class: pool destroyed with live blocks
// pools: block_pool concurrent_block_pool
// ends:  exit 0
// says:  millpond: pool 'victim': destroyed with 2 live blocks of 64 bytes

#include "victim.hpp"

MISUSE_BY_MAKING_A_POOL({
    Pool pool({.name = "victim",
               .block_bytes = 64,
               .capacity = 10,
               .leaks = millpond::leak_policy::report});
    (void)pool.allocate();
    (void)pool.allocate();
})
