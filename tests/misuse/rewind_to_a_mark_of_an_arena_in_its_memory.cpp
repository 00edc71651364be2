// SPDX-License-Identifier: MIT
/// \file
/// A mark of an arena that lies in this arena's own bytes stops the program.
//
// class: rewind to a mark of another arena
// pools: arena
// ends:  SIGABRT
// says:  millpond: pool 'victim': rewind to {mark}: a mark of another arena

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    const std::span<std::byte> room = it->make_array<std::byte>(200);
    millpond::arena inner({.name = "inner",
                           .capacity = 100,
                           .memory = {.source = millpond::memory_source::buffer, .buffer = room}});
    const auto foreign = inner.mark();
    misuse::note("mark", inner.allocate(1, 1));
    it->rewind(foreign);
    return 0;
}
