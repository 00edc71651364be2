// SPDX-License-Identifier: MIT
/// \file
/// A mark of the time before the arena was cleared stops the program however often the arena was rewound since, as long as it was to higher positions.
//
// class: rewind to a mark that was rewound past
// pools: arena
// ends:  SIGABRT
// says:  millpond: pool 'victim': rewind to {mark}: the arena was rewound past this mark before

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    (void)it->allocate(100);
    const auto old = it.noted_mark();
    it->clear();
    (void)it->allocate(200);
    for (int i = 0; i < 100; ++i) {
        {
            const millpond::arena::scope inner(*it);
            (void)it->allocate(10);
        }
        (void)it->allocate(10);
    }
    it->rewind(old);
    return 0;
}
