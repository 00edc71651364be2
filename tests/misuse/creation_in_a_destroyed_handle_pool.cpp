// SPDX-License-Identifier: MIT
/// \file
/// An object created in a pool of handles that is gone stops the program as long as the pool object's memory is there.
//
// class: allocation from a destroyed pool
// pools: handle_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': allocation: the pool is destroyed

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    pool->destroy(pool->create(1));
    pool.destroy_pool();
    (void)pool->try_create(2);
    return 0;
}
