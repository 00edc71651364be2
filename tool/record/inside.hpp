// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The recorder inside the recorded program: how an event gets into the shared area.
///
/// Guarantees: no allocation, no lock, no system call on the usual path; errno is kept; an event
/// is published only when it is complete. The clock, which costs more than all the rest, is read at
/// every eighth event of a thread that records alone (at every 32nd while they follow each other within
/// microseconds), and at every event while several threads take turns, whose order it decides. Everything else that is rare (a full buffer, the first event of a thread,
/// the first after a fork) is in `record_slow` and `make_room`.

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "record/shared_area.hpp"
#include "trace/event_code.hpp"
#include <time.h>
#if defined(__x86_64__)
#    include <x86intrin.h>
#endif

namespace millpond::tool::inside {

/// What one thread writes with. Zero is the right start; small, because it lies on the stack of
/// every thread of the program.
struct thread_state {
    unsigned char* cursor;
    unsigned char* limit; ///< the last place where `quick_events_max` and one more may start
    buffer_head* buffer;
    event_context context; ///< its tick is the clock when it was last read
    volatile std::int32_t
        quick;              ///< events until something else is due; `inside_recorder` during one
    std::uint32_t index;    ///< of the buffer
    std::uint32_t thread;   ///< dense number
    std::uint32_t sequence; ///< of the next buffer
    bool numbered;
    bool armed; ///< `thread_ends` will be called
};

inline constexpr std::int32_t inside_recorder = -1;

/// A page that a forked child finds zeroed, so a child notices itself at its first event.
struct alignas(4096) wiped_page {
    volatile std::uint32_t recording;
};

extern constinit thread_local thread_state self;
extern wiped_page page;
extern bool has_counter;

/// The thread that recorded last, which may then go without the clock: whoever comes after it reads
/// the clock and stands here. nullptr while several take turns so often that all of them read it.
extern std::atomic<thread_state*> writer;

/// Events between two readings of the clock: most, and while they do not come thick and fast.
inline constexpr std::int32_t quick_events_max = 31;
inline constexpr std::int32_t quick_events_usual = 7;

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

/// Joins the recording named by the environment, if there is one.
void join() noexcept;

/// Records an event for which something else is due first: the clock, a buffer, or being counted as
/// lost, because it arrived while this thread was inside the recorder (from a signal handler). It takes
/// the event in registers, so that `record` need not put it together in memory.
void record_slow(std::uint64_t address,
                 std::uint64_t size,
                 std::uint64_t old_address,
                 std::uint64_t site,
                 unsigned op,
                 unsigned alignment_log2) noexcept;

/// Tells the recorder when calls of this process go to another heap before they reach the recorder's
/// functions: the program's own, Valgrind's, a sanitizer's.
void note_bypass() noexcept;

/// Writes the list of mapped files if it changed since it was last written. False when that could not be done now,
/// because a thread forks.
bool note_modules() noexcept;

/// `note_modules`, unless `site` has been looked at since the last list.
void note_site(std::uint64_t site) noexcept;

/// The end of an event whose site is new in its buffer.
void leave_by_new_site(std::uint64_t site, std::int32_t quick) noexcept;

/// Says that the process runs its exit handlers, or is about to be replaced, or was not after all.
void set_flag(std::uint32_t flag) noexcept;
void clear_flag(std::uint32_t flag) noexcept;

/// Appends an event to the thread's buffer, where there is room. True when its site is new there.
[[gnu::always_inline]] inline bool append(thread_state& mine, const raw_event& what) noexcept {
    bool entered = false;
    unsigned char* const end = encode_event(mine.cursor, mine.context, what, entered);
    constexpr std::uint64_t one_event = std::uint64_t{1} << 32U;
    const std::uint64_t published = mine.buffer->published.load(std::memory_order_relaxed) +
                                    one_event + static_cast<std::uint64_t>(end - mine.cursor);
    // Pairs with the acquire in the recorder: the bytes are there before their count is.
    mine.buffer->published.store(published, std::memory_order_release);
    mine.cursor = end;
    return entered;
}

/// Inlined everywhere: with the operation known, half of the encoder folds away, and with the time
/// known to be the last event's a good part of the rest.
[[gnu::always_inline]] inline void record(raw_event what) noexcept {
    thread_state& mine = self;
    const std::int32_t quick = mine.quick;
    if (__builtin_expect(quick <= 0 || page.recording == 0 ||
                             writer.load(std::memory_order_relaxed) != &mine,
                         0)) {
        record_slow(
            what.address, what.size, what.old_address, what.site, what.op, what.alignment_log2);
        return;
    }
    mine.quick = inside_recorder;
    std::atomic_signal_fence(std::memory_order_seq_cst);
    what.tick = mine.context.tick;
    if (__builtin_expect(append(mine, what), 0)) {
        leave_by_new_site(what.site, quick - 1);
        return;
    }
    std::atomic_signal_fence(std::memory_order_seq_cst);
    mine.quick = quick - 1;
}

} // namespace millpond::tool::inside
