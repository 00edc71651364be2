// SPDX-License-Identifier: MIT
/// \file
/// One thread allocates through its own view, several others free: the commonest shape of a program
/// that must not hesitate. The view looks no thread up, and takes an atomic step for 64 blocks at once.

#include <millpond/pool/concurrent_block_pool.hpp>

#include <array>
#include <cstdio>
#include <cstring>
#include <thread>
#include <vector>

int main() {
    constexpr std::size_t workers = 3;
    millpond::concurrent_block_pool packets({.name = "packets",
                                             .block_bytes = 256,
                                             .capacity = 12'000,
                                             .threads = workers + 1,
                                             .leaks = millpond::leak_policy::stop});
    auto mine = packets.local(); // for this thread alone, as long as it and the pool live

    std::size_t handed_out = 0;
    for (int round = 0; round < 10; ++round) {
        std::array<std::vector<void*>, workers> work;
        // All that is promised, every round.
        for (std::size_t i = 0; i < packets.capacity(); ++i) {
            void* const packet = mine.allocate();
            std::memset(packet, round, packets.block_bytes());
            work[i % workers].push_back(packet);
            ++handed_out;
        }
        std::vector<std::jthread> threads; // each ends in this round, and leaves nothing behind
        for (std::vector<void*>& share : work) {
            threads.emplace_back([&packets, &share] {
                auto theirs = packets.local();
                for (void* const packet : share) {
                    theirs.deallocate(packet);
                }
            });
        }
    }
    std::printf(
        "%zu packets, view keeps blocks: %s\n", handed_out, mine.keeps_blocks() ? "yes" : "no");
    std::printf(
        "%zu live, pool sound: %s\n", packets.size_estimate(), packets.verify() ? "yes" : "no");
}
