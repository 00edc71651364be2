// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The memory that the recorder and the recorded processes share.
///
///     control | state and link of every buffer | processes | buffer 0 | buffer 1 | ...
///
/// A buffer is `unused` until a thread claims it (`owned`); the thread fills it and hands it over
/// (`full`); the recorder writes it to the trace and links it into the free list. `published` grows
/// after each event, so whatever happens to its owner the recorder can read an owned buffer up to
/// the last whole event. The area is sparse: only buffers that were ever claimed take memory.
///
/// The recorder's file descriptor is the only name of the area: a recorded process opens it through
/// /proc, and closes it again, so its own descriptors stay as they were; when the recorder dies the
/// name is gone, which is how a waiting process notices.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace millpond::tool {

inline constexpr const char* area_variable = "MILLPOND_RECORD";
inline constexpr std::uint64_t area_magic = 0x3230414552414D4DULL; // changes with the layout
inline constexpr std::size_t buffer_bytes = std::size_t{64} << 10U;
inline constexpr std::uint32_t buffers_max = 16384;
inline constexpr std::uint32_t processes_max = 4096;
/// More full buffers than this and the recorded program waits for the recorder: 16 MiB.
inline constexpr std::uint32_t full_buffers_max = 256;
/// Of the area's start, mapped alone where the whole does not fit: up to the counters.
inline constexpr std::size_t counters_bytes = 4096;

enum class clock_source : std::uint32_t { monotonic, time_stamp_counter };

namespace buffer_state {
inline constexpr std::uint32_t unused = 0;
inline constexpr std::uint32_t owned = 1;
inline constexpr std::uint32_t full = 2;
} // namespace buffer_state

namespace process_state {
inline constexpr std::uint32_t unused = 0;
inline constexpr std::uint32_t claimed = 1;
inline constexpr std::uint32_t active = 2;
} // namespace process_state

namespace process_flag {
inline constexpr std::uint32_t exited = 1;   ///< ran its exit handlers
inline constexpr std::uint32_t replaced = 2; ///< called exec
} // namespace process_flag

/// One recorded process that is alive.
struct process_slot {
    std::atomic<std::uint32_t> state;
    std::atomic<std::uint32_t> flags;
    std::atomic<std::uint32_t> threads; ///< that recorded anything
    std::uint32_t pid;
    std::uint64_t registration; ///< 0, 1, 2, ... over the whole recording
    std::atomic<std::uint64_t> lost_events;
};

/// Start of a buffer; the site table and the payload follow.
struct buffer_head {
    std::uint32_t process; ///< index of its slot
    std::uint32_t thread;
    std::uint32_t sequence;
    std::uint32_t kind; ///< a `packet_kind`
    std::uint64_t first_tick;
    std::atomic<std::uint64_t> published; ///< events << 32 | payload bytes
    std::uint32_t thread_id;              ///< as the system numbers it
    std::uint32_t unused[7];
};

static_assert(sizeof(buffer_head) == 64, "the site table starts on its own cache line");
static_assert(std::atomic<std::uint64_t>::is_always_lock_free, "processes share these words");

struct shared_area {
    std::uint64_t magic;
    std::uint64_t pid_namespace; ///< inode; a process in another one is not recorded
    clock_source clock;
    std::atomic<std::uint32_t> stopped; ///< no more events, please
    std::atomic<std::uint32_t> registrations;
    std::atomic<std::uint32_t> refused;  ///< processes that found no slot
    std::atomic<std::uint32_t> fresh;    ///< buffers ever claimed; those above are untouched
    std::atomic<std::uint32_t> unmapped; ///< processes without the address space for this area
    std::atomic<std::uint32_t> bypassed; ///< processes whose calls go to another heap first
    alignas(64) std::atomic<std::uint64_t> free_list; ///< change count << 32 | index + 1
    alignas(64) std::atomic<std::uint32_t> full;      ///< buffers handed over and not yet written
    std::atomic<std::uint32_t> room;                  ///< futex: counts up as buffers are written
    std::atomic<std::uint32_t> waiting;               ///< threads that wait for `room`
    alignas(64) std::atomic<std::uint32_t> states[buffers_max];
    std::atomic<std::uint32_t> links[buffers_max]; ///< index + 1 of the next free one
    process_slot processes[processes_max];
    char first_heap[256]; ///< file of that other heap, from the first process that had one
};

static_assert(offsetof(shared_area, free_list) <= counters_bytes, "counted in one page");

inline constexpr std::size_t area_head_bytes =
    (sizeof(shared_area) + buffer_bytes - 1) / buffer_bytes * buffer_bytes;
inline constexpr std::size_t area_bytes = area_head_bytes + buffers_max * buffer_bytes;

inline buffer_head* buffer_at(shared_area* area, std::uint32_t index) noexcept {
    auto* const bytes = reinterpret_cast<unsigned char*>(area) + area_head_bytes;
    return reinterpret_cast<buffer_head*>(bytes + std::size_t{index} * buffer_bytes);
}

/// Takes a buffer off the free list, or a fresh one; `buffers_max` when there is none.
inline std::uint32_t take_buffer(shared_area* area) noexcept {
    // Pairs with the release in give_buffer: the link is read after the head that leads to it.
    std::uint64_t head = area->free_list.load(std::memory_order_acquire);
    while ((head & 0xFFFFFFFF) != 0) {
        const auto index = static_cast<std::uint32_t>(head) - 1;
        const std::uint64_t next = area->links[index].load(std::memory_order_relaxed);
        const std::uint64_t count = (head >> 32U) + 1;
        if (area->free_list.compare_exchange_weak(
                head, (count << 32U) | next, std::memory_order_acquire)) {
            return index;
        }
    }
    if (area->fresh.load(std::memory_order_relaxed) >= buffers_max) {
        return buffers_max;
    }
    const std::uint32_t index = area->fresh.fetch_add(1, std::memory_order_relaxed);
    return index < buffers_max ? index : buffers_max;
}

inline void give_buffer(shared_area* area, std::uint32_t index) noexcept {
    area->states[index].store(buffer_state::unused, std::memory_order_relaxed);
    std::uint64_t head = area->free_list.load(std::memory_order_relaxed);
    std::uint64_t next = 0;
    do {
        area->links[index].store(static_cast<std::uint32_t>(head), std::memory_order_relaxed);
        next = (((head >> 32U) + 1) << 32U) | (index + 1);
        // Pairs with the acquire in take_buffer.
    } while (!area->free_list.compare_exchange_weak(
        head, next, std::memory_order_release, std::memory_order_relaxed));
}

} // namespace millpond::tool
