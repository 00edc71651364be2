// SPDX-License-Identifier: MIT
/// \file
/// Through a pool of handles that was moved from, nothing is found, destroyed or created; all handles are the new pool's.
//
// class: free into a moved-from pool
// pools: handle_pool
// ends:  exit 0
// says:  nothing
// destroys: 1

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    const misuse::named object = pool->create(1);
    const misuse::handles other(std::move(*pool));
    misuse::require(pool->get(object) == nullptr);
    misuse::require(!pool->destroy(object));
    misuse::require(!pool->try_create(2));
    misuse::require(other.get(object)->number == 1);
    return 0;
}
