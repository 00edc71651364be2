// SPDX-License-Identifier: MIT
/// \file
/// A container that dies after its memory was given back by a rewind stops the program.
//
// class: free of what a rewind gave back
// pools: arena arena_resource
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed before, or the arena was rewound past it

#include "arena_victim.hpp"

int main(int count, char** values) {
    misuse::arena_victim it;
    if (count == 2 && std::strcmp(values[1], "arena") == 0) {
        void* const block = it->allocate(100);
        misuse::note("block", block);
        it->clear();
        it->deallocate(block, 100);
    } else {
        millpond::arena_resource memory(*it);
        const std::pmr::vector<int> numbers(10, 1, &memory);
        misuse::note("block", numbers.data());
        it->clear();
    }
    return 0;
}
