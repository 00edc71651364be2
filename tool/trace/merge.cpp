// SPDX-License-Identifier: MIT
#include "trace/merge.hpp"

#include <algorithm>
#include <utility>

namespace millpond::tool {
namespace {

/// A chain of misplaced events longer than this is a broken trace, not a reordered one.
constexpr unsigned depth_max = 32;

/// A thread may be suspended inside `realloc`, between the call and its stamp: so many windows.
constexpr std::uint64_t realloc_windows = 1000;

/// The address that `what` gives back, or 0.
std::uint64_t given_back(const raw_event& what) {
    if (what.op == raw_free) {
        return what.address;
    }
    return what.op == raw_reallocate ? what.old_address : 0;
}

/// The address that `what` obtains, or 0.
std::uint64_t obtained(const raw_event& what) {
    return what.op == raw_free ? 0 : what.address;
}

} // namespace

event_merge::event_merge(packet_reader& file,
                         std::vector<thread_stream> streams,
                         std::uint64_t window_ticks)
    : file_(&file)
    , streams_(std::move(streams))
    , serials_(streams_.size())
    , window_ticks_(window_ticks) {
    for (std::uint32_t thread = 0; thread < streams_.size(); ++thread) {
        queue_up(thread);
    }
}

void event_merge::run(const receiver& body) {
    body_ = &body;
    std::uint32_t thread = 0;
    for (;;) {
        if (take_late(thread)) {
            step(thread, 0, true);
        } else if (take_turn(thread)) {
            step(thread, 0, false);
        } else {
            return;
        }
    }
}

void event_merge::queue_up(std::uint32_t thread) {
    if (!streams_[thread].done()) {
        turns_.push(turn{streams_[thread].key(), thread, serials_[thread]});
    }
}

/// Goes to the thread's next event and gives it a new turn.
void event_merge::move_on(std::uint32_t thread) {
    const bool was_active = streams_[thread].started();
    streams_[thread].advance(*file_);
    serials_[thread] += 1;
    if (!was_active && !streams_[thread].done()) {
        active_.push_back(thread);
    } else if (was_active && streams_[thread].done()) {
        active_.erase(std::find(active_.begin(), active_.end(), thread));
    }
    queue_up(thread);
}

bool event_merge::stale(const turn& what) const {
    return serials_[what.thread] != what.serial;
}

bool event_merge::take_turn(std::uint32_t& thread) {
    while (!turns_.empty()) {
        const turn next = turns_.top();
        turns_.pop();
        if (!stale(next)) {
            thread = next.thread;
            return true;
        }
    }
    return false;
}

/// Takes a waiting event whose time is up: nothing that is still to come can explain it.
bool event_merge::take_late(std::uint32_t& thread) {
    if (waiting_.empty()) {
        return false;
    }
    const auto first =
        std::min_element(waiting_.begin(), waiting_.end(), [](const waiting& a, const waiting& b) {
            return a.deadline < b.deadline;
        });
    if (others_within(first->deadline)) {
        return false;
    }
    thread = first->thread;
    waiting_.erase(first);
    return true;
}

/// True when an event that is not waiting lies at or before `tick`.
bool event_merge::others_within(std::uint64_t tick) {
    while (!turns_.empty() && stale(turns_.top())) {
        turns_.pop();
    }
    return !turns_.empty() && turns_.top().tick <= tick;
}

/// Handles the next event of `thread`, whose turn was taken; `late` = do not wait any more.
void event_merge::step(std::uint32_t thread, unsigned depth, bool late) {
    if (!streams_[thread].started()) {
        move_on(thread);
        return;
    }
    const std::uint64_t tick = streams_[thread].key();
    std::uint64_t address = obstacle(streams_[thread].head());
    while (address != 0 && !late && depth < depth_max && settle(thread, address, depth)) {
        address = obstacle(streams_[thread].head());
    }
    if (address != 0 && !late && others_within(tick + window_ticks_)) {
        serials_[thread] += 1; // no turn until woken or late
        waiting_.push_back(waiting{thread, address, tick + window_ticks_});
        return;
    }
    perform(thread);
}

/// The address that keeps `what` from happening now, or 0.
std::uint64_t event_merge::obstacle(const raw_event& what) const {
    const std::uint64_t back = given_back(what);
    if (back != 0 && live_.find(back) == nullptr) {
        return back;
    }
    const std::uint64_t got = obtained(what);
    return got != 0 && got != back && live_.find(got) != nullptr ? got : 0;
}

/// Lets another thread go first whose next event removes the obstacle; false when there is none.
bool event_merge::settle(std::uint32_t thread, std::uint64_t address, unsigned depth) {
    const bool must_go = live_.find(address) != nullptr;
    const std::uint64_t now = streams_[thread].key();
    for (const std::uint32_t other : active_) {
        const raw_event& next = streams_[other].head();
        const std::uint64_t reach =
            next.op == raw_reallocate ? window_ticks_ * realloc_windows : window_ticks_;
        const bool helps = (must_go ? given_back(next) : obtained(next)) == address;
        if (other == thread || !helps || next.tick > now + reach) {
            continue;
        }
        const std::uint64_t before = delivered_;
        std::erase_if(waiting_, [&](const waiting& w) { return w.thread == other; });
        step(other, depth + 1, false);
        return delivered_ != before;
    }
    return false;
}

/// Lets the event happen, with whatever is missing put in or left out.
void event_merge::perform(std::uint32_t thread) {
    merged_event what{streams_[thread].head(), thread, no_block, no_block};
    const std::uint64_t back = given_back(what.raw);
    const std::uint64_t got = obtained(what.raw);
    const std::uint64_t* const old = back != 0 ? live_.find(back) : nullptr;
    if (old != nullptr) {
        (what.raw.op == raw_free ? what.block : what.previous) = *old;
        live_.erase(back);
    } else {
        unmatched_frees_ += back != 0 ? 1U : 0U;
        what.raw.op = what.raw.op == raw_reallocate ? raw_allocate : what.raw.op;
    }
    if (got != 0) {
        if (const std::uint64_t* const gone = live_.find(got)) {
            merged_event inferred = what;
            inferred.raw.op = raw_free;
            inferred.block = *gone;
            inferred.previous = no_block;
            inferred_frees_ += 1;
            deliver(inferred);
        }
        what.block = blocks_++;
        live_.put(got, what.block);
    }
    if (what.block != no_block) {
        deliver(what);
    }
    move_on(thread);
    wake(back);
    wake(got);
}

void event_merge::deliver(const merged_event& what) {
    delivered_ += 1;
    (*body_)(what);
}

/// Gives a turn to whoever waits for something to happen to `address`.
void event_merge::wake(std::uint64_t address) {
    if (address == 0 || waiting_.empty()) {
        return;
    }
    for (const waiting& one : waiting_) {
        if (one.address == address) {
            queue_up(one.thread);
        }
    }
    std::erase_if(waiting_, [&](const waiting& w) { return w.address == address; });
}

} // namespace millpond::tool
