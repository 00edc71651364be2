// SPDX-License-Identifier: MIT
/// \file
/// A pool that starts small, grows in place without moving anything, and gives memory back.

#include <millpond/pool/block_pool.hpp>

#include <cstdio>
#include <vector>

int main() {
    millpond::block_pool packets({.name = "packets",
                                  .block_bytes = 2048,
                                  .capacity = 64,
                                  .max_capacity = 100'000,
                                  .leaks = millpond::leak_policy::stop});
    std::vector<void*> held(20'000);
    packets.allocate_bulk(held);
    for (void* packet : held) {
        *static_cast<int*>(packet) = 1;
    }
    std::printf("%zu live, capacity grown: %s\n",
                packets.size(),
                packets.capacity() >= 20'000 ? "yes" : "no");

    packets.deallocate_bulk(held);
    std::printf("%zu KiB back to the system\n", packets.shrink() / 1024);

    try {
        packets.reserve(100'001);
    } catch (const millpond::pool_exhausted& error) {
        std::printf("%s\n", error.what());
    }
}
