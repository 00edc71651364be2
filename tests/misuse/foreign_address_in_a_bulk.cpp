// SPDX-License-Identifier: MIT
/// \file
/// A bulk free that contains a foreign address stops the program.
//
// class: free of a stack address
// pools: block_pool static_block_pool concurrent_block_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: not a block of this pool, which is {first} to {end}

#include "victim.hpp"

MISUSE_OF_A_POOL({
    if constexpr (Victim::raw) {
        const auto taken = it.take_all();
        misuse::note("first", taken.front());
        misuse::note("end", static_cast<char*>(taken.back()) + misuse::block_bytes);
        alignas(64) std::array<char, 64> local{};
        const std::array<void*, 2> blocks{taken[7], local.data()};
        misuse::note("block", local.data());
        it.pool().deallocate_bulk(blocks);
    }
})
