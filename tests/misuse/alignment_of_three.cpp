// SPDX-License-Identifier: MIT
/// \file
/// An alignment that is no power of two is refused with field, value and limit.
//
// class: block size 0, capacity 0, alignment not a power of two, count x size overflow
// pools: block_pool concurrent_block_pool
// ends:  exit 0
// says:  millpond: pool 'victim': block_alignment is 3, must be a power of two up to 1073741824

#include <stdexcept>

#include "victim.hpp"

MISUSE_BY_MAKING_A_POOL({
    try {
        const Pool pool({.name = "victim", .block_bytes = 64, .block_alignment = 3, .capacity = 1});
    } catch (const std::invalid_argument& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
})
