// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does a block cost that any thread may free: a cache, a job system, a server's sessions?
///
/// Every thread holds some blocks, and as many again lie in slots that all threads share. A step
/// swaps one of its own, drawn at random, with a random slot, reads and frees what it got, which is
/// as likely another's as its own, and allocates and touches a new one (as larson and xmalloc-test
/// do). Unit: nanoseconds of wall time per step of one thread.

#include <atomic>
#include <span>
#include <vector>

#include "contenders/making.hpp"
#include "crew.hpp"
#include "measure.hpp"
#include "passes.hpp"
#include "rounds.hpp"
#include "task.hpp"

namespace millpond::bench {

/// One thread's half of the exchange: its own blocks, and the slots where all meet.
template <class View>
class exchanger {
public:
    exchanger(View& view,
              std::vector<std::atomic<void*>>& slots,
              std::size_t own,
              std::size_t index)
        : view_(view)
        , slots_(slots)
        , own_(own)
        , random_(index + 1) {
        take_all(view_, std::span(own_));
        for (std::size_t i = first_slot(index); i < first_slot(index + 1); ++i) {
            slots_[i].store(take(view_, ++value_), std::memory_order_relaxed); // gather() publishes
        }
    }

    /// A pass of so many steps, as in passes.hpp.
    [[gnu::noinline]] void exchange(std::size_t steps) {
        View& view = view_;
        const std::span<std::atomic<void*>> slots(slots_);
        const std::span<void*> own(own_);
        random_source random = random_;
        std::uint64_t value = value_;
        std::uint64_t sum = 0;
        for (std::size_t i = 0; i < steps; ++i) {
            const std::uint64_t draw = random.next();
            void*& mine = own[((draw & 0xffffffffU) * own.size()) >> 32];
            // Both ways: what is left has been written, what is found was written by its owner.
            void* const found = slots[((draw >> 32) * slots.size()) >> 32].exchange(
                mine, std::memory_order_acq_rel);
            sum += give(view, found);
            mine = take(view, ++value);
        }
        random_ = random;
        value_ = value;
        checksum_ += sum;
    }

    /// Frees its own blocks and its share of the slots, when nobody swaps any more. Returns what it
    /// read all along less what it wrote: over all threads that is nothing.
    std::uint64_t drain(std::size_t index) {
        checksum_ += give_all(view_, std::span(own_));
        for (std::size_t i = first_slot(index); i < first_slot(index + 1); ++i) {
            checksum_ += give(view_, slots_[i].load(std::memory_order_relaxed)); // after gather()
        }
        return checksum_ - value_ * (value_ + 1) / 2;
    }

private:
    [[nodiscard]] std::size_t first_slot(std::size_t index) const noexcept {
        return index * own_.size();
    }

    View& view_;
    std::vector<std::atomic<void*>>& slots_;
    std::vector<void*> own_;
    random_source random_;
    std::uint64_t value_ = own_.size(); ///< the last that was written
    std::uint64_t checksum_ = 0;
};

template <class Pool>
outcome measure_exchange(const task& asked) {
    const rounds plan(asked.operations);
    const std::size_t own = asked.blocks / 2;
    crew threads(asked.threads);
    auto pool = made_for<Pool>(room_for(asked));
    std::vector<std::atomic<void*>> slots(asked.threads * own);
    checksums left(asked.threads);
    threads.run([&](std::size_t index) {
        decltype(auto) view = view_of(pool);
        exchanger mine(view, slots, own, index);
        threads.measure(index, plan.count, [&] { mine.exchange(plan.operations); });
        threads.gather();
        left.of_a_round(index, mine.drain(index));
    });
    // Any number does that is the same for everyone: the sum is that number if all was read back.
    return {
        .checksum = asked.operations + left.sum(),
        .figures = {{"time", threads.median_round_ns() / static_cast<double>(plan.operations)}}};
}

} // namespace millpond::bench
