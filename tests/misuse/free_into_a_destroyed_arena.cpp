// SPDX-License-Identifier: MIT
/// \file
/// A container that dies after its arena stops the program as long as the arena object's memory is there.
//
// class: free into a destroyed pool
// pools: arena_resource
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: the pool is destroyed

#include "arena_victim.hpp"

int main() {
    misuse::arena_victim it;
    millpond::arena_resource memory(*it);
    const std::pmr::vector<int> numbers(10, 1, &memory);
    misuse::note("block", numbers.data());
    it.destroy();
    return 0;
}
