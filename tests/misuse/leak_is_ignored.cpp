// SPDX-License-Identifier: MIT
/// \file
/// A raw pool that was told to ignore leaks says nothing.
//
// class: pool destroyed with live blocks
// pools: block_pool concurrent_block_pool
// ends:  exit 0
// says:  nothing

#include "victim.hpp"

MISUSE_BY_MAKING_A_POOL({
    Pool pool({.name = "victim",
               .block_bytes = 64,
               .capacity = 10,
               .leaks = millpond::leak_policy::ignore});
    (void)pool.allocate();
    (void)pool.allocate();
})
