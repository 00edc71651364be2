// SPDX-License-Identifier: MIT
/// \file
/// A mark that the arena was rewound past stops the program even when what is in use reaches beyond it again.
//
// class: rewind to a mark that was rewound past
// pools: arena
// ends:  SIGABRT
// says:  millpond: pool 'victim': rewind to {mark}: the arena was rewound past this mark before

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    (void)it->allocate(100);
    const auto later = it.noted_mark();
    it->clear();
    (void)it->allocate(500);
    it->rewind(later);
    return 0;
}
