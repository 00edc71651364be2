// SPDX-License-Identifier: MIT
/// \file
/// A handle does not take the next owner's object away: it is stale, however often its slot was used since.
//
// class: double free after the block was handed out again
// pools: handle_pool
// ends:  exit 0
// says:  nothing
// destroys: 1

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    const misuse::named stale = pool->create(1);
    pool->destroy(stale);
    const misuse::named next = pool->create(2); // in the same slot, at the same address
    misuse::require(!pool->destroy(stale));
    misuse::require(misuse::object_of(*pool, next).number == 2);
    for (int i = 0; i < 1000; ++i) {
        pool->destroy(pool->create(0)); // nobody: says nothing
        misuse::require(pool->get(stale) == nullptr);
    }
    misuse::require(pool->size() == 1 && pool->verify());
    return 0;
}
