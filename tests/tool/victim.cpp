// SPDX-License-Identifier: MIT
#include "victim.hpp"

#include <cstdio>
#include <cstdlib>

namespace {

/// Before any constructor of the C++ library has run.
__attribute__((constructor(101))) void allocate_early() {
    if (std::getenv("VICTIM_EARLY") != nullptr) {
        std::free(std::malloc(7901));
    }
}

} // namespace

int main(int argc, char** argv) {
    const char* const mode = argc > 1 ? argv[1] : "";
    int result = victim::heap(mode);
    if (result == victim::not_mine) {
        result = victim::threads(mode);
    }
    if (result == victim::not_mine) {
        result = victim::processes(mode, argv);
    }
    if (result == victim::not_mine) {
        std::fprintf(stderr, "victim: no mode %s\n", mode);
        return 99;
    }
    return result;
}
