// SPDX-License-Identifier: MIT
/// \file
/// The child of a fork with busy threads allocates and frees at once; recover_after_fork gives it the blocks that the lost threads kept.
//
// class: fork with busy threads, then allocate in the child
// pools: concurrent_block_pool
// ends:  exit 0
// says:  nothing

#include <atomic>
#include <thread>

#include "victim.hpp"
#include <sys/wait.h>
#include <unistd.h>

namespace {

std::array<void*, 2 * misuse::capacity> taken;
std::atomic<bool> stop = false;
std::atomic<int> busy = 0;

/// Takes and frees ever more and ever fewer blocks, so that every part of a thread's own is in use.
template <class Victim>
void be_busy(Victim& it) {
    std::array<void*, 400> own{};
    for (std::size_t round = 0; !stop; ++round) {
        const std::span<void*> some(own.data(), 1 + round * 37 % own.size());
        for (void*& block : some) {
            block = it.take();
        }
        for (void* const block : some) {
            it.give(block);
        }
        busy += round == 0 ? 1 : 0;
    }
}

template <class Victim>
std::size_t take_all_there_are(Victim& it) {
    std::size_t count = 0;
    while (void* const block = it.take()) {
        taken[count++] = block;
    }
    return count;
}

/// What the child does: first without, then with recovery. Its exit code.
template <class Victim>
int use_in_child(Victim& it) {
    void* const first = it.take();
    if (first == nullptr) {
        return 1;
    }
    it.give(first);
    millpond::recover_after_fork();
    const auto stats = it.pool().stats();
    if (!it.pool().verify()) {
        return 2;
    }
    const std::size_t count = take_all_there_are(it);
    if (count != stats.blocks - stats.live) {
        return 3;
    }
    for (std::size_t i = 0; i < count; ++i) {
        it.give(taken[i]);
    }
    return it.pool().verify() ? 0 : 4;
}

} // namespace

MISUSE_OF_A_CONCURRENT_POOL({
    if constexpr (Victim::raw) {
        std::array<std::thread, 2> threads;
        for (std::thread& thread : threads) {
            thread = std::thread([&] { be_busy(it); });
        }
        while (busy != 2) {
            std::this_thread::yield();
        }
        for (int i = 0; i < 50; ++i) {
            const pid_t child = fork();
            if (child == 0) {
                _exit(use_in_child(it));
            }
            int status = -1;
            waitpid(child, &status, 0);
            if (status != 0) {
                std::fprintf(stderr, "child %d: status %d\n", i, status);
                std::exit(4);
            }
        }
        stop = true;
        for (std::thread& thread : threads) {
            thread.join();
        }
        it.require_sound();
    }
})
