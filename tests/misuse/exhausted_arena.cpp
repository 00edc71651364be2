// SPDX-License-Identifier: MIT
/// \file
/// A full arena returns nullptr, or throws an error that counts in bytes and says how many did not fit.
//
// class: bounded pool exhausted
// pools: arena
// ends:  exit 0
// says:  millpond: pool 'victim' is exhausted: 2000 bytes do not fit, capacity 3000 bytes, peak 2000 bytes

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    (void)it->allocate(2000);
    if (it->try_allocate(2000) != nullptr) {
        return 3;
    }
    try {
        (void)it->allocate(2000);
    } catch (const millpond::pool_exhausted& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    return it->verify() ? 0 : 3;
}
