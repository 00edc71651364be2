// SPDX-License-Identifier: MIT
/// \file
/// What a thread kept for itself when it ended is there for all others: nothing is stranded.
//
// class: thread exits with cached blocks
// pools: concurrent_block_pool concurrent_object_pool
// ends:  exit 0
// says:  nothing

#include "threads.hpp"
#include "victim.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    (void)it.pool().local(); // a place in the pool that is not the other thread's
    std::size_t all = 0;
    misuse::in_another_thread([&] {
        const auto blocks = it.take_all();
        all = blocks.size();
        for (void* const block : blocks) {
            it.give(block); // the last ones stay in the thread's magazine
        }
        // Live at its end, and the rest of their word is the thread's too.
        (void)it.take_up_to(Victim::kept() + 5);
    });
    it.require_sound();
    const std::size_t live = Victim::kept() + 5;
    if (all < misuse::capacity || it.take_all().size() != all - live) {
        std::exit(4);
    }
})
