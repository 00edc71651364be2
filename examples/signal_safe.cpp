// SPDX-License-Identifier: MIT
/// \file
/// A signal handler that allocates, keeps blocks across signals, and frees: with the direct form, in the
/// middle of whatever the program was doing with the same pool.

#include <millpond/pool/concurrent_block_pool.hpp>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <new>

#include <sys/time.h>

namespace {

struct sample {
    sample* previous;
    int number;
};

millpond::concurrent_block_pool* samples = nullptr;
std::atomic<sample*> newest = nullptr;
std::atomic<int> taken = 0;

void on_timer(int /*signal*/) {
    void* const block = samples->try_allocate_direct(); // never allocate() in a handler
    if (block == nullptr) {
        return;
    }
    newest = ::new (block) sample{newest, taken++};
    if (taken % 4 == 0) { // the handler frees too
        sample* const last = newest;
        newest = last->previous;
        samples->deallocate_direct(last);
    }
}

} // namespace

int main() {
    millpond::concurrent_block_pool pool(
        {.name = "samples", .block_bytes = sizeof(sample), .capacity = 10'000});
    samples = &pool;
    std::signal(SIGALRM, on_timer);
    const itimerval every_millisecond{{0, 1000}, {0, 1000}};
    setitimer(ITIMER_REAL, &every_millisecond, nullptr);
    while (taken < 200) {
        pool.deallocate(pool.allocate()); // the handler interrupts this, anywhere
    }
    std::signal(SIGALRM, SIG_IGN);
    int kept = 0;
    while (sample* const last = newest) {
        newest = last->previous;
        pool.deallocate(last);
        ++kept;
    }
    std::printf("kept three of four: %s\n", kept == taken - taken / 4 ? "yes" : "no");
    std::printf("%zu live, pool sound: %s\n", pool.size_estimate(), pool.verify() ? "yes" : "no");
}
