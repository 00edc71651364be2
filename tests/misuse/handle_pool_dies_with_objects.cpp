// SPDX-License-Identifier: MIT
/// \file
/// A pool of handles that dies with live objects destroys each once and says nothing.
//
// class: pool destroyed with live blocks
// pools: handle_pool
// ends:  exit 0
// says:  nothing
// destroys: 3000

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    const misuse::named first = pool->create(1);
    for (int i = 2; i <= 3000; ++i) {
        (void)pool->create(i);
    }
    pool->destroy(first);
    pool.destroy_pool();
    return 0;
}
