// SPDX-License-Identifier: MIT
/// \file
/// A mark of another arena stops the program, whatever its position.
//
// class: rewind to a mark of another arena
// pools: arena
// ends:  SIGABRT
// says:  millpond: pool 'victim': rewind to {mark}: a mark of another arena

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    millpond::arena other({.name = "other", .capacity = 100});
    const auto foreign = other.mark();
    misuse::note("mark", other.allocate(1, 1));
    it->rewind(foreign);
    return 0;
}
