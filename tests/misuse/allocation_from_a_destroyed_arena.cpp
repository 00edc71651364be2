// SPDX-License-Identifier: MIT
/// \file
/// An allocation from an arena that is gone stops the program as long as the arena object's memory is there.
//
// class: allocation from a destroyed pool
// pools: arena arena_resource
// ends:  SIGABRT
// says:  millpond: pool 'victim': allocation: the pool is destroyed

#include "arena_victim.hpp"

int main(int count, char** values) {
    misuse::arena_victim it;
    millpond::arena_resource memory(*it);
    std::pmr::vector<int> numbers(&memory);
    it.destroy();
    if (count == 2 && std::strcmp(values[1], "arena") == 0) {
        (void)it->try_allocate(1, 1);
    } else {
        numbers.push_back(1);
    }
    return 0;
}
