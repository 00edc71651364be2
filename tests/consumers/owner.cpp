// SPDX-License-Identifier: MIT
/// \file
/// Hands out pools in ways that leave no trace of their type in a name.

#include <millpond/pool/block_pool.hpp>
#include <millpond/pool/object_pool.hpp>

millpond::object_pool<int>& numbers() {
    static millpond::object_pool<int> pool({.name = "numbers", .capacity = 4});
    return pool;
}

extern millpond::block_pool packets;
millpond::block_pool packets({.name = "packets", .block_bytes = 64, .capacity = 100});
