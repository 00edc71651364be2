// SPDX-License-Identifier: MIT
/// \file
/// A pointer that was kept while any object of a pool of handles was destroyed may lead to another object, or to none: a write damages that one, never the pool.
//
// class: use of an object that is gone
// pools: handle_pool
// ends:  exit 0
// says:  nothing

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    const misuse::named first = pool->create(1);
    const misuse::named second = pool->create(2);
    const misuse::named last = pool->create(3);
    misuse::numbered* const kept = pool->get(first);
    pool->destroy(first);
    misuse::opaque(kept)->number = 7; // it is the last one, in the place of the first
    misuse::require(misuse::object_of(*pool, last).number == 7);
    misuse::require(misuse::object_of(*pool, second).number == 2);
    misuse::require(pool->verify());
    return 0;
}
