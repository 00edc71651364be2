// SPDX-License-Identifier: MIT
/// \file
/// More threads than have an index are refused with field, value and limit.
//
// class: too many threads asked for
// pools: concurrent_block_pool
// ends:  exit 0
// says:  millpond: pool 'victim': threads is 251, must be at most 250

#include <stdexcept>

#include "victim.hpp"

int main() {
    try {
        const millpond::concurrent_block_pool pool(
            {.name = "victim", .block_bytes = 64, .capacity = 1, .threads = 251});
    } catch (const std::invalid_argument& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    return 0;
}
