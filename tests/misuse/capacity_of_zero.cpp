// SPDX-License-Identifier: MIT
/// \file
/// A capacity of zero is refused with field, value and limit.
//
// class: block size 0, capacity 0, alignment not a power of two, count x size overflow
// pools: block_pool concurrent_block_pool
// ends:  exit 0
// says:  millpond: pool 'victim': capacity is 0, must be at least 1

#include <stdexcept>

#include "victim.hpp"

MISUSE_BY_MAKING_A_POOL({
    try {
        const Pool pool({.name = "victim", .block_bytes = 64, .capacity = 0});
    } catch (const std::invalid_argument& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
})
