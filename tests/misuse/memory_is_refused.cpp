// SPDX-License-Identifier: MIT
/// \file
/// More memory than there is address space is refused with bytes, page size and errno.
//
// class: OS refuses memory
// pools: block_pool
// ends:  exit 0
// says:  millpond: pool 'victim': cannot reserve 4503599626321920 bytes in pages of 4096: Cannot allocate memory

#include <system_error>

#include "victim.hpp"

int main() {
    try {
        const millpond::block_pool pool(
            {.name = "victim", .block_bytes = 1U << 20, .capacity = 4294967295U});
    } catch (const std::system_error& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    return 0;
}
