// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Joins the threads of one process into one order that really happened.
///
/// Each thread's events are in order. Between threads the clock decides, and the clock can be
/// wrong in two ways, which the addresses put right:
///
///     a block is allocated       its stamp is taken after the allocator returned, so nobody
///                                can free it earlier by the clock
///     a block is freed           its stamp is taken before the allocator is called, so nobody
///                                can get the same address earlier by the clock
///     a block is reallocated     one stamp, after: another thread may get the old address, and
///                                a stamp, before this thread gets its own
///     the processor reorders     a stamp is up to some hundred cycles early
///
/// So an allocation of an address that is still live first looks for a thread whose next event
/// gives that address back, and lets it go first; failing that it waits, at most `window`, for such
/// an event to come. A free of an address that is not live does the same the other way round. When
/// the window has passed, an event is missing: memory that the program gave back without a call
/// (its free is inferred), or a block older than the recording (the free is left out).

#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "trace/address_table.hpp"
#include "trace/thread_stream.hpp"

namespace millpond::tool {

/// An event with its thread and blocks, but still with a tick and a raw site.
struct merged_event {
    raw_event raw;
    std::uint32_t thread = 0;
    std::uint64_t block = no_block;
    std::uint64_t previous = no_block;
};

/// Units:      ticks.
/// Complexity: O(log(threads)) per event; O(threads) for one that the clock misplaced.
/// Errors:     `trace_error` from the streams.
/// Threads:    one thread at a time.
/// Source:     own design, docs/trace-format.md, "Order".
class event_merge {
public:
    using receiver = std::function<void(const merged_event&)>;

    event_merge(packet_reader& file,
                std::vector<thread_stream> streams,
                std::uint64_t window_ticks);

    /// Delivers everything.
    void run(const receiver& body);

    [[nodiscard]] std::uint64_t delivered() const noexcept { return delivered_; }

    [[nodiscard]] std::uint64_t unmatched_frees() const noexcept { return unmatched_frees_; }

    [[nodiscard]] std::uint64_t inferred_frees() const noexcept { return inferred_frees_; }

private:
    /// One thread's next event in the queue; stale once the stream has moved on.
    struct turn {
        std::uint64_t tick;
        std::uint32_t thread;
        std::uint64_t serial;

        bool operator>(const turn& other) const noexcept {
            return tick != other.tick ? tick > other.tick : thread > other.thread;
        }
    };

    struct waiting {
        std::uint32_t thread;
        std::uint64_t address;
        std::uint64_t deadline;
    };

    void queue_up(std::uint32_t thread);
    void move_on(std::uint32_t thread);
    [[nodiscard]] bool stale(const turn& what) const;
    bool take_turn(std::uint32_t& thread);
    bool take_late(std::uint32_t& thread);
    void step(std::uint32_t thread, unsigned depth, bool late);
    [[nodiscard]] std::uint64_t obstacle(const raw_event& what) const;
    [[nodiscard]] bool settle(std::uint32_t thread, std::uint64_t address, unsigned depth);
    [[nodiscard]] bool others_within(std::uint64_t tick);
    void perform(std::uint32_t thread);
    void deliver(const merged_event& what);
    void wake(std::uint64_t address);

    packet_reader* file_;
    std::vector<thread_stream> streams_;
    std::vector<std::uint64_t> serials_; // of each stream's current event
    std::priority_queue<turn, std::vector<turn>, std::greater<>> turns_;
    std::vector<waiting> waiting_;
    std::vector<std::uint32_t> active_; // streams that have started and are not done
    address_table live_;
    const receiver* body_ = nullptr;
    std::uint64_t window_ticks_;
    std::uint64_t blocks_ = 0;
    std::uint64_t delivered_ = 0;
    std::uint64_t unmatched_frees_ = 0;
    std::uint64_t inferred_frees_ = 0;
};

} // namespace millpond::tool
