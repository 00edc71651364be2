// SPDX-License-Identifier: MIT
/// \file
/// A scope that ends after its arena stops the program as long as the arena object's memory is there.
//
// class: scope left when its arena dies
// pools: arena
// ends:  SIGABRT
// says:  millpond: pool 'victim': rewind to {mark}: the pool is destroyed

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    const millpond::arena::scope late(*it);
    misuse::note("mark", it->allocate(1, 1));
    it.destroy();
    return 0;
}
