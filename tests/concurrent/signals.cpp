// SPDX-License-Identifier: MIT
/// \file
/// A timer's signal handler that keeps blocks from call to call, while the threads that it interrupts
/// are inside the same pool.

#include "millpond/pool/concurrent_block_pool.hpp"

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "crew.hpp"
#include "sound.hpp"
#include "stamp.hpp"
#include <doctest/doctest.h>
#include <sys/time.h>
#include <unistd.h>

using millpond::concurrent_block_pool;
using millpond::test::effort;

namespace {

constexpr std::size_t block_bytes = 64;

/// What the handler works on and remembers; lock-free atomics, because two threads may be in it.
struct handler_state {
    std::atomic<concurrent_block_pool*> pool = nullptr;
    std::array<std::atomic<void*>, 8> kept{};
    std::atomic<std::size_t> calls = 0;
    std::atomic<std::size_t> allocated = 0;
    std::atomic<std::size_t> freed = 0;
    std::atomic<std::size_t> changed = 0; ///< blocks whose number somebody else wrote over
    std::atomic<std::size_t> errno_lost = 0;
};

static_assert(std::atomic<void*>::is_always_lock_free);
handler_state state;

/// The number that the handler writes into a block: no thread below writes it.
std::uint64_t stamp_for(const void* block) {
    return reinterpret_cast<std::uintptr_t>(block) | 1;
}

/// Frees what an earlier call left in this place, or leaves a block there.
void on_timer(int /*signal*/) {
    const int error = errno;
    concurrent_block_pool* const pool = state.pool;
    std::atomic<void*>& place = state.kept[state.calls++ % state.kept.size()];
    if (void* const old = place.exchange(nullptr)) {
        state.changed += millpond::test::erase_stamp(old, block_bytes, stamp_for(old)) ? 0U : 1U;
        pool->deallocate_direct(old);
        ++state.freed;
    } else if (void* const made = pool->try_allocate_direct()) {
        auto* const words = static_cast<std::uint64_t*>(made);
        words[0] = stamp_for(made);
        words[block_bytes / 8 - 1] = stamp_for(made);
        ++state.allocated;
        if (void* const other = place.exchange(made)) { // another thread's call was here meanwhile
            pool->deallocate_direct(other);
            ++state.freed;
        }
    }
    state.errno_lost += errno == error ? 0U : 1U;
}

/// A timer that fires every 100 microseconds in whichever thread runs.
class timer {
public:
    explicit timer(concurrent_block_pool& pool) {
        state.pool = &pool;
        for (auto* const count :
             {&state.calls, &state.allocated, &state.freed, &state.changed, &state.errno_lost}) {
            *count = 0;
        }

        struct sigaction action {};

        action.sa_handler = on_timer;
        action.sa_flags = SA_RESTART;
        sigaction(SIGALRM, &action, &before_);
        set(100);
    }

    timer(const timer&) = delete;
    timer& operator=(const timer&) = delete;

    ~timer() { stop(); }

    /// No call comes after this, and what the calls kept is free.
    void stop() {
        if (state.pool == nullptr) {
            return;
        }
        set(0);
        std::this_thread::sleep_for(std::chrono::milliseconds(2)); // one may be on its way
        sigaction(SIGALRM, &before_, nullptr);
        for (auto& place : state.kept) {
            if (void* const old = place.exchange(nullptr)) {
                state.pool.load()->deallocate_direct(old);
                ++state.freed;
            }
        }
        state.pool = nullptr;
    }

private:
    static void set(long microseconds) {
        itimerval interval{};
        interval.it_interval.tv_usec = microseconds;
        interval.it_value.tv_usec = microseconds;
        setitimer(ITIMER_REAL, &interval, nullptr);
    }

    struct sigaction before_ {};
};

/// ThreadSanitizer delivers a signal when the thread calls the C library. Now and then, when a second one
/// comes in the midst of that, it leaves all signals of the thread blocked.
void let_signals_in(std::size_t step) {
    if (MILLPOND_TEST_THREAD_SANITIZER != 0 && step % 64 == 0) {
        sigset_t alarm_only;
        sigemptyset(&alarm_only);
        sigaddset(&alarm_only, SIGALRM);
        pthread_sigmask(SIG_UNBLOCK, &alarm_only, nullptr);
        usleep(1);
    }
}

/// Allocates, marks, checks and frees until the handler was called often enough; false when a block
/// was changed by somebody else.
bool churn(concurrent_block_pool& pool, std::size_t self, std::size_t calls) {
    std::mt19937_64 random(self);
    millpond::test::stamps stamps(self * 2); // even, the handler's are odd
    std::vector<std::pair<void*, std::uint64_t>> mine;
    mine.reserve(64);
    bool intact = true;
    for (std::size_t step = 0; state.calls < calls; ++step) {
        let_signals_in(step);
        if (random() % 2 == 0 && mine.size() < 64) {
            if (void* const block = pool.try_allocate()) {
                mine.emplace_back(block, stamps.write(block, block_bytes));
            }
        } else if (!mine.empty()) {
            std::swap(mine.back(), mine[random() % mine.size()]);
            const auto [block, stamp] = mine.back();
            mine.pop_back();
            intact = millpond::test::erase_stamp(block, block_bytes, stamp) && intact;
            pool.deallocate(block);
        }
    }
    for (const auto& [block, stamp] : mine) {
        intact = millpond::test::erase_stamp(block, block_bytes, stamp) && intact;
        pool.deallocate(block);
    }
    return intact;
}

constexpr std::size_t calls_wanted = effort<std::size_t>(3'000, 1'000, 100);

} // namespace

TEST_CASE("a signal handler keeps blocks from call to call while two threads churn") {
    for (const std::size_t capacity : {140U, 5'000U}) {
        CAPTURE(capacity);
        concurrent_block_pool pool(
            {.block_bytes = block_bytes, .capacity = capacity, .threads = 2});
        std::atomic<bool> intact = true;
        timer ticking(pool);
        millpond::test::run_together(
            2, [&](std::size_t self) { intact = churn(pool, self, calls_wanted) && intact; });
        ticking.stop();
        CHECK(intact);
        CHECK(state.calls >= calls_wanted);
        CHECK(state.allocated > 0);
        CHECK(state.allocated == state.freed);
        CHECK(state.changed == 0);
        CHECK(pool.size_estimate() == 0);
        CHECK_SOUND(pool);
        CHECK(millpond::test::count_available(pool) == pool.stats().blocks);
    }
}

TEST_CASE("a signal handler that interrupts draining never costs the drainer more than it holds") {
    concurrent_block_pool pool({.block_bytes = block_bytes, .capacity = 200, .threads = 2});
    std::size_t least = pool.stats().blocks;
    timer ticking(pool);
    for (std::size_t step = 0; state.calls < calls_wanted; ++step) {
        let_signals_in(0);
        least = std::min(least, millpond::test::count_available(pool));
    }
    ticking.stop();
    // Eight kept, and one on its way.
    CHECK(least >= 200 - 9);
    CHECK(state.allocated == state.freed);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a signal handler leaves errno as it was although its free wakes a thread that waits") {
    concurrent_block_pool pool({.block_bytes = block_bytes, .capacity = 100, .threads = 2});
    std::vector<void*> blocks = millpond::test::drain(pool);
    std::atomic<bool> got = false;
    for (std::size_t i = 0; i < 4; ++i) {
        pool.deallocate_direct(blocks.back()); // these go to the handler
        blocks.pop_back();
    }
    // For the case that the waiter takes every block while the handler has none.
    std::vector<void*> more(blocks.end() - 8, blocks.end());
    blocks.resize(blocks.size() - more.size());
    timer ticking(pool);
    while (state.allocated == 0) {
        usleep(100);
        let_signals_in(0);
    }
    std::thread waiter([&] {
        sigset_t none; // the handler runs in the other thread
        sigfillset(&none);
        pthread_sigmask(SIG_BLOCK, &none, nullptr);
        while (void* const block = pool.try_allocate()) {
            blocks.push_back(block);
        }
        if (void* const block = pool.try_allocate_for(std::chrono::seconds(30))) {
            got = true;
            blocks.push_back(block);
        }
    });
    const auto patience = 200 + state.calls;
    for (auto looked_at = patience; !got && state.calls < 1'000'000;) {
        usleep(100);
        let_signals_in(0);
        if (state.calls > looked_at && !more.empty()) {
            pool.deallocate_direct(more.back());
            more.pop_back();
            looked_at = patience + state.calls;
        }
    }
    waiter.join();
    ticking.stop();
    millpond::test::free_all(pool, more);
    CHECK(got);
    CHECK(state.errno_lost == 0);
    CHECK(state.changed == 0);
    millpond::test::free_all(pool, blocks);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}
