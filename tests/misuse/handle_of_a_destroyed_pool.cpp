// SPDX-License-Identifier: MIT
/// \file
/// Through a pool of handles that is gone, nothing is found or destroyed, as long as the pool object's memory is there.
//
// class: free into a destroyed pool
// pools: handle_pool
// ends:  exit 0
// says:  nothing
// destroys: 1

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    const misuse::named object = pool->create(1);
    pool.destroy_pool();
    misuse::require(pool->get(object) == nullptr);
    misuse::require(!pool->destroy(object));
    return 0;
}
