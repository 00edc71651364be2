// SPDX-License-Identifier: MIT
/// \file
/// A mark that was never taken stops the program.
//
// class: rewind to a mark of another arena
// pools: arena
// ends:  SIGABRT
// says:  millpond: pool 'victim': rewind to (nil): a mark of another arena

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    it->rewind(millpond::arena::mark_type());
    return 0;
}
