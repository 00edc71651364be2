// SPDX-License-Identifier: MIT
/// \file
/// `handle_of` an object that is not in the pool stops the program.
//
// class: handle_of what is no object
// pools: handle_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': handle of {object}: not a block of this pool, which is {first} to {end}

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    (void)pool->create(1);
    const misuse::numbered object(0);
    misuse::note("object", &object);
    misuse::note("first", pool->begin());
    misuse::note("end", pool->begin() + misuse::capacity);
    (void)pool->handle_of(object);
    return 0;
}
