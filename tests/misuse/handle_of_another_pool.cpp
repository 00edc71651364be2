// SPDX-License-Identifier: MIT
/// \file
/// A handle of another pool finds and destroys nothing, as long as their tags differ: a process gives 255 in turn.
//
// class: handle of another pool, or of none
// pools: handle_pool
// ends:  exit 0
// says:  nothing
// destroys: 0

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    misuse::handles other(misuse::options_of_handles());
    const misuse::named mine = pool->create(1);
    const misuse::named foreign = other.create(2);
    misuse::require(pool->get(foreign) == nullptr && !pool->destroy(foreign));
    misuse::require(pool->contains(mine) && other.contains(foreign));
    misuse::require(pool->verify() && other.verify());
    std::fflush(stdout);
    std::_Exit(0); // before any object is destroyed
    return 0;
}
