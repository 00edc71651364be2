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
#include <vector>

#include "contenders/making.hpp"
#include "crew.hpp"
#include "measure.hpp"
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
        for (void*& block : own_) {
            block = take(view_, ++value_);
        }
        for (std::size_t i = first_slot(index); i < first_slot(index + 1); ++i) {
            slots_[i].store(take(view_, ++value_), std::memory_order_relaxed); // gather() publishes
        }
    }

    [[gnu::always_inline]] void step() {
        const std::uint64_t draw = random_.next();
        void*& mine = own_[((draw & 0xffffffffU) * own_.size()) >> 32];
        // Both ways: what is left has been written, what is found was written by its owner.
        void* const found =
            slots_[((draw >> 32) * slots_.size()) >> 32].exchange(mine, std::memory_order_acq_rel);
        checksum_ += give(view_, found);
        mine = take(view_, ++value_);
    }

    /// Frees its own blocks and its share of the slots, when nobody swaps any more. Returns what it
    /// read all along less what it wrote: over all threads that is nothing.
    std::uint64_t drain(std::size_t index) {
        for (void* const block : own_) {
            checksum_ += give(view_, block);
        }
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
    std::uint64_t value_ = 0;
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
        threads.measure(index, plan.count, [&] {
            for (std::size_t i = 0; i < plan.operations; ++i) {
                mine.step();
            }
        });
        threads.gather();
        left.of_a_round(index, mine.drain(index));
    });
    // Any number does that is the same for everyone: the sum is that number if all was read back.
    return {
        .checksum = asked.operations + left.sum(),
        .figures = {{"time", threads.median_round_ns() / static_cast<double>(plan.operations)}}};
}

} // namespace millpond::bench
