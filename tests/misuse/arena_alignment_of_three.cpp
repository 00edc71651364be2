// SPDX-License-Identifier: MIT
/// \file
/// An allocation from an arena with an alignment that is no power of two stops the program.
//
// class: block size 0, capacity 0, alignment not a power of two, count x size overflow
// pools: arena
// ends:  SIGABRT
// says:  millpond: pool 'victim': allocation with alignment 3: not a power of two

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    (void)it->try_allocate(1, 3);
    return 0;
}
