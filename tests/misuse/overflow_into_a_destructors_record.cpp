// SPDX-License-Identifier: MIT
/// \file
/// A write past the end of a block that reaches what the arena notes of the next object stops the program at the rewind, before a destructor is called that may be none.
//
// class: overflow by 1 or 8 bytes or a whole block
// pools: arena
// ends:  SIGABRT
// says:  millpond: pool 'victim': rewind past {object}: the record of its destructor was overwritten
// sanitizer: stops it

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    auto* const text = static_cast<char*>(it->allocate(misuse::block_bytes));
    misuse::note("object", it->create<misuse::record>());
    misuse::opaque(text)[misuse::block_bytes] = '!'; // one byte
    it->clear();
    return 0;
}
