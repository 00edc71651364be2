// SPDX-License-Identifier: MIT
/// \file
/// `handle_of` the place behind the last object, where the last one was before another was destroyed, stops the program.
//
// class: handle_of what is no object
// pools: handle_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': handle of {object}: no live object

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    const misuse::named first = pool->create(1);
    const misuse::numbered* const last = pool->get(pool->create(2));
    misuse::note("object", last);
    pool->destroy(first);
    (void)pool->handle_of(*last);
    return 0;
}
