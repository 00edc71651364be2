// SPDX-License-Identifier: MIT
/// \file
/// An arena that dies with objects destroys each once and says nothing.
//
// class: pool destroyed with live blocks
// pools: arena
// ends:  exit 0
// says:  nothing
// destroys: 8

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    (void)it->create<misuse::record>();
    (void)it->create<misuse::record>();
    if (it->make_array<misuse::record>(5).size() != 5) {
        return 3;
    }
    (void)it->create<misuse::record>();
    it.destroy();
    return 0;
}
