// SPDX-License-Identifier: MIT
/// \file
/// Two threads at once in a pool for one thread, or an allocation in a signal handler that interrupts another one, may get the same block: undefined. The second free of it stops the program.
//
// class: two threads on a single-threaded pool
// pools: block_pool object_pool static_block_pool static_object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice
// twice: the object that was handed out twice was constructed twice

#include "interrupt.hpp"
#include "victim.hpp"

MISUSE_OF_A_POOL_FOR_ONE_THREAD({
    misuse::require_stepping();
    void* first = nullptr;
    void* second = nullptr;
    bool interrupted = true;
    for (std::size_t at = 1; interrupted && (first == nullptr || first != second); ++at) {
        it.pool().clear();
        it.give(it.take());
        interrupted = misuse::interrupt(
            at, [&] { first = it.take(); }, [&] { second = it.take(); });
    }
    misuse::note("block", first);
    it.give(first);
    it.give(second);
})
