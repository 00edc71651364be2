// SPDX-License-Identifier: MIT
/// \file
/// An object that is destroyed twice through its handle is destroyed once: `destroy` returns false the second time.
//
// class: double free at once
// pools: handle_pool
// ends:  exit 0
// says:  nothing
// destroys: 1

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    const misuse::named object = pool->create(1);
    misuse::require(pool->destroy(object));
    misuse::require(!pool->destroy(object));
    misuse::require(pool->empty() && pool->verify());
    return 0;
}
