// SPDX-License-Identifier: MIT
/// \file
/// The half of a program that may have been built with another checking level.

#include <millpond/pool/block_pool.hpp>

std::size_t fill(millpond::block_pool& pool) {
    std::size_t filled = 0;
    while (pool.try_allocate() != nullptr) {
        ++filled;
    }
    return filled;
}
