// SPDX-License-Identifier: MIT
/// \file
/// Uses the pools of owner.cpp, which may have been built with another checking level.

#include <millpond/pool/block_pool.hpp>
#include <millpond/pool/object_pool.hpp>

millpond::object_pool<int>& numbers();
extern millpond::block_pool packets;

int main() {
    int* const number = numbers().create(0);
    packets.deallocate(packets.allocate());
    const int result = *number;
    numbers().destroy(number);
    return result;
}
