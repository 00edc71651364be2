// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The recorder inside the recorded program: how an event gets into the shared area.
///
/// Guarantees: no allocation, no lock, no system call on the usual path; errno is kept; an event
/// is published only when it is complete. The clock, which costs more than the rest, is read at every
/// event once there are several threads, whose order it decides, and at every eighth before that.
/// Everything rare (a full buffer, the first event of a
/// thread, the first after a fork) is in `make_room`.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "record/shared_area.hpp"
#include "trace/event_code.hpp"
#include <sys/single_threaded.h>
#include <time.h>
#if defined(__x86_64__)
#    include <x86intrin.h>
#endif

namespace millpond::tool::inside {

/// What one thread writes with. Zero is the right start; small, because it lies on the stack of
/// every thread of the program.
struct thread_state {
    unsigned char* cursor;
    unsigned char* limit; ///< the last place where an event may start
    buffer_head* buffer;
    event_context context;
    std::uint64_t tick;  ///< the clock when it was last read
    std::uint32_t index; ///< of the buffer
    std::uint32_t events;
    std::uint32_t thread;   ///< dense number
    std::uint32_t sequence; ///< of the next buffer
    bool numbered;
    bool armed; ///< `thread_ends` will be called
    volatile bool busy;
};

/// A page that a forked child finds zeroed, so a child notices itself at its first event.
struct wiped_page {
    volatile std::uint32_t recording;
};

extern constinit thread_local thread_state self;
extern wiped_page* page;
extern bool has_counter;

/// True while there is one thread, and has been from the start: set back once and for all.
extern bool alone;

inline constexpr std::uint32_t events_per_reading = 8;

/// Ticks of the recording's clock: 16 cycles of the time stamp counter, or a nanosecond.
inline std::uint64_t now() noexcept {
#if defined(__x86_64__)
    if (__builtin_expect(has_counter, 1)) {
        return __rdtsc() >> 4U;
    }
#endif
    timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return static_cast<std::uint64_t>(time.tv_sec) * 1'000'000'000U +
           static_cast<std::uint64_t>(time.tv_nsec);
}

/// Brings the thread's idea of the time up to date; it never runs backwards.
inline void read_clock(thread_state& mine) noexcept {
    const std::uint64_t tick = now();
    mine.tick = tick < mine.tick ? mine.tick : tick;
    alone = alone && __libc_single_threaded != 0;
}

/// Joins the recording named by the environment, if there is one.
void join() noexcept;

/// Gets this thread a buffer with room for an event; false when nothing is to be recorded.
bool make_room(thread_state& mine) noexcept;

/// Counts an event that arrived while this thread was inside the recorder (from a signal handler).
void count_lost() noexcept;

/// Writes the list of mapped files if it changed since it was last written.
void note_modules() noexcept;

/// Says that the process runs its exit handlers, or is about to be replaced, or was not after all.
void set_flag(std::uint32_t flag) noexcept;
void clear_flag(std::uint32_t flag) noexcept;

/// Inlined everywhere: with the operation known, half of the encoder folds away.
[[gnu::always_inline]] inline void record(raw_event& what) noexcept {
    thread_state& mine = self;
    if (__builtin_expect(mine.busy, 0)) {
        count_lost();
        return;
    }
    mine.busy = true;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    if (__builtin_expect(page->recording == 0 || mine.cursor >= mine.limit, 0) &&
        !make_room(mine)) {
        mine.busy = false;
        return;
    }
    if (mine.events % events_per_reading == 0 || !alone || __libc_single_threaded == 0) {
        read_clock(mine);
    }
    what.tick = mine.tick;
    bool entered = false;
    mine.cursor = encode_event(mine.cursor, mine.context, what, entered);
    mine.events += 1;
    const auto* const payload = reinterpret_cast<unsigned char*>(mine.context.sites + site_slots);
    const std::uint64_t published =
        (std::uint64_t{mine.events} << 32U) | static_cast<std::uint64_t>(mine.cursor - payload);
    // Pairs with the acquire in the recorder: the bytes are there before their count is.
    mine.buffer->published.store(published, std::memory_order_release);
    if (__builtin_expect(entered, 0)) {
        note_modules();
    }
    std::atomic_signal_fence(std::memory_order_seq_cst);
    mine.busy = false;
}

} // namespace millpond::tool::inside
