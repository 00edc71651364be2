// SPDX-License-Identifier: MIT
/// \file
/// An arena of no bytes is refused with field, value and limit.
//
// class: block size 0, capacity 0, alignment not a power of two, count x size overflow
// pools: arena frame_arena
// ends:  exit 0
// says:  millpond: pool 'victim': capacity is 0, must be at least 1

#include <stdexcept>

#include "victim.hpp"

int main(int count, char** values) {
    try {
        if (count == 2 && std::strcmp(values[1], "arena") == 0) {
            const millpond::arena none({.name = "victim"});
        } else {
            const millpond::frame_arena none({.name = "victim"});
        }
    } catch (const std::invalid_argument& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    return 0;
}
