// SPDX-License-Identifier: MIT
/// \file
/// An array whose size overflows, and a size that overflows with its alignment, do not fit.
//
// class: block size 0, capacity 0, alignment not a power of two, count x size overflow
// pools: arena
// ends:  exit 0
// says:  millpond: pool 'victim' is exhausted: more bytes than there are addresses, capacity 3000 bytes, peak 3 bytes

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    (void)it->allocate(3, 1); // what comes next is padded
    if (it->try_allocate(~std::size_t{0}, 64) != nullptr ||
        it->try_allocate(~std::size_t{0} - 14) != nullptr) {
        return 3;
    }
    try {
        (void)it->make_array<int>(~std::size_t{0} / 4 + 2); // 4 bytes, if nobody looks
    } catch (const millpond::pool_exhausted& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    return it->size() == 3 ? 0 : 3;
}
