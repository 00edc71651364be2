// SPDX-License-Identifier: MIT
/// \file
/// A raw pool that was told to ignore leaks says nothing.
//
// class: pool destroyed with live blocks
// pools: block_pool
// ends:  exit 0
// says:  nothing

#include "victim.hpp"

int main() {
    millpond::block_pool pool({.name = "victim",
                               .block_bytes = 64,
                               .capacity = 10,
                               .leaks = millpond::leak_policy::ignore});
    (void)pool.allocate();
    (void)pool.allocate();
}
