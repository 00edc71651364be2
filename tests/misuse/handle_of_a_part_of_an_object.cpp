// SPDX-License-Identifier: MIT
/// \file
/// `handle_of` an address inside of an object stops the program and names the object.
//
// class: handle_of what is no object
// pools: handle_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': handle of {object}: 16 bytes inside the block at {first}

#include "behind_handles.hpp"

int main() {
    misuse::handle_victim pool;
    (void)pool->create(1);
    char* const inside = reinterpret_cast<char*>(pool->begin()) + 16;
    misuse::note("object", inside);
    misuse::note("first", pool->begin());
    (void)pool->handle_of(*reinterpret_cast<misuse::numbered*>(misuse::opaque(inside)));
    return 0;
}
