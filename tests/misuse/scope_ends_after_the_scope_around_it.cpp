// SPDX-License-Identifier: MIT
/// \file
/// A scope that ends after the scope around it stops the program.
//
// class: rewind to a mark that was rewound past
// pools: arena
// ends:  SIGABRT
// says:  millpond: pool 'victim': rewind to {mark}: the arena was rewound past this mark before

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    auto outer = std::make_unique<millpond::arena::scope>(*it);
    (void)it->allocate(100);
    auto inner = std::make_unique<millpond::arena::scope>(*it);
    misuse::note("mark", it->allocate(1, 1));
    outer.reset();
    (void)it->allocate(500);
    inner.reset();
    return 0;
}
