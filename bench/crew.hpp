// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A few threads that measure together, one on each core.
///
/// Rounds are short, all threads start each of them at the same moment, and the median of those counts
/// in which every thread kept its core: a thread that measures alone, because a busy machine runs
/// something else in the other's place, would measure the contention that is not there.

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <utility>
#include <vector>

#include "cores.hpp"
#include "measure.hpp"
#include <sched.h>
#include <sys/resource.h>

#if defined(__x86_64__)
#    include <x86intrin.h>
#endif

namespace millpond::bench {

/// What separates data of different threads: a cache line, and the neighbour that is fetched with it.
inline constexpr std::size_t apart_bytes = 128;

/// Waiting for another thread: with the core kept for the first half millisecond, then offered to
/// whoever wants it, so that a machine with too few cores gets on.
class patience {
public:
    /// `pauses` between one look and the next; some 50 ns each.
    explicit patience(unsigned pauses) noexcept
        : pauses_(pauses) {}

    void wait() noexcept {
        if (waited_ >= most_pauses) {
            sched_yield();
            return;
        }
        for (unsigned i = 0; i < pauses_; ++i) {
#if defined(__x86_64__)
            _mm_pause();
#else
            asm volatile("" : : : "memory");
#endif
        }
        waited_ += pauses_;
    }

private:
    static constexpr unsigned most_pauses = 10'000;
    unsigned pauses_;
    unsigned waited_ = 0;
};

class crew {
public:
    explicit crew(std::size_t threads)
        : size_(threads)
        , spans_(threads) {}

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

    /// Runs `work(index)` on every thread and waits for all. Each is bound to a core of its own, if
    /// there are as many.
    template <class Work>
    void run(Work&& work) {
        std::vector<std::thread> threads;
        threads.reserve(size_);
        for (std::size_t index = 0; index < size_; ++index) {
            threads.emplace_back([this, &work, index] {
                bind(index);
                work(index);
            });
        }
        for (std::thread& each : threads) {
            each.join();
        }
    }

    /// Returns when every thread has called it.
    void gather() noexcept {
        // Both pair with themselves: whoever arrives last publishes what all did before.
        const std::size_t target =
            (arrived_.fetch_add(1, std::memory_order_acq_rel) / size_ + 1) * size_;
        patience waiting(1);
        while (arrived_.load(std::memory_order_acquire) < target) {
            waiting.wait();
        }
    }

    /// Called by every thread, each with a `batch` of its own: has them run their batches at the
    /// same time, once to warm up and then `most` times. Stops early when that takes too long; what
    /// was slow enough for that is plain by then.
    template <class Batch>
    void measure(std::size_t index, std::size_t most, Batch&& batch) {
        constexpr double enough_ns = 1.5e9;
        constexpr std::size_t fewest = 5;
        double spent_ns = 0;
        for (std::size_t round = 0; round <= most; ++round) {
            gather();
            if (enough_) {
                break;
            }
            span_of_time& mine = spans_[index];
            const long switches = forced_switches();
            mine.start_ns = wall_ns();
            batch();
            mine.end_ns = wall_ns();
            mine.disturbed = forced_switches() != switches;
            gather();
            if (index == 0 && round != 0) {
                const span_of_time whole = all_spans();
                const double ns = whole.end_ns - whole.start_ns;
                spent_ns += ns;
                (whole.disturbed ? disturbed_ns_ : undisturbed_ns_).push_back(ns);
                enough_ = spent_ns > enough_ns && round >= fewest; // gather() publishes it
            }
        }
    }

    /// The median of those rounds, each from the first thread's start to the last one's end: wall
    /// time, so that waiting for a lock or for another thread counts. Rounds in which the system took
    /// a thread's core for something else are left out, unless hardly any other is there.
    [[nodiscard]] double median_round_ns() const {
        constexpr std::size_t enough_rounds = 10;
        std::vector<double> rounds_ns = undisturbed_ns_;
        if (rounds_ns.size() < enough_rounds) {
            rounds_ns.insert(rounds_ns.end(), disturbed_ns_.begin(), disturbed_ns_.end());
        }
        return median(std::move(rounds_ns));
    }

private:
    void bind(std::size_t index) const noexcept {
        if (cores_.size() >= size_) {
            bind_to({&cores_[index], 1});
        }
    }

    /// Written by one thread each.
    struct alignas(apart_bytes) span_of_time {
        double start_ns = 0;
        double end_ns = 0;
        bool disturbed = false;
    };

    /// How often the system has taken this thread's core away.
    static long forced_switches() noexcept {
        rusage used{};
        getrusage(RUSAGE_THREAD, &used);
        return used.ru_nivcsw;
    }

    [[nodiscard]] span_of_time all_spans() const noexcept {
        span_of_time whole = spans_.front();
        for (const span_of_time& each : spans_) {
            whole.start_ns = std::min(whole.start_ns, each.start_ns);
            whole.end_ns = std::max(whole.end_ns, each.end_ns);
            whole.disturbed = whole.disturbed || each.disturbed;
        }
        return whole;
    }

    std::size_t size_;
    std::vector<std::size_t> cores_ = allowed_cores();
    std::vector<span_of_time> spans_;
    std::vector<double> undisturbed_ns_;
    std::vector<double> disturbed_ns_;
    bool enough_ = false; // written by the first thread between rounds
    alignas(apart_bytes) std::atomic<std::size_t> arrived_ = 0;
};

} // namespace millpond::bench
