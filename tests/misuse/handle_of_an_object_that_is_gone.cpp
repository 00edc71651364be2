// SPDX-License-Identifier: MIT
/// \file
/// A stale handle finds nothing: neither what was there, nor what is there now.
//
// class: use of an object that is gone
// pools: handle_pool
// ends:  exit 0
// says:  nothing

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    const misuse::named stale = pool->create(1);
    (void)pool->create(2);
    pool->destroy(stale);
    misuse::require(pool->get(stale) == nullptr && !pool->contains(stale));
    (void)pool->create(3); // in the same slot
    misuse::require(pool->get(stale) == nullptr && !pool->contains(stale));
    pool->clear();
    (void)pool->create(4);
    misuse::require(pool->get(stale) == nullptr && pool->verify());
    return 0;
}
