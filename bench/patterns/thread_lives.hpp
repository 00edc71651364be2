// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What do threads leave behind that come, allocate and go: a thread per request, a pool of workers
/// that is resized?
///
/// A few threads live at a time, and the next few when they have ended. In its life a thread
/// allocates and touches some blocks, swaps some with whoever lives beside it and frees what it got,
/// frees what the last holder of its place left to it, frees half of its own and leaves the rest.
/// `time` is wall time per life, the thread's own start and end included, of the median generation:
/// nanoseconds. `growth` is
/// what the resident memory grew by after the first tenth of the lives: bytes; a pool that strands
/// nothing stays flat.

#include <array>
#include <atomic>
#include <numeric>
#include <span>
#include <vector>

#include "contenders/making.hpp"
#include "crew.hpp"
#include "measure.hpp"
#include "passes.hpp"
#include "patterns/memory.hpp"
#include "task.hpp"

namespace millpond::bench {

/// What outlives a thread: blocks left to the successor at each place, and blocks in passing.
struct legacy {
    static constexpr std::size_t passed_per_life = 16;

    std::vector<std::vector<void*>> left;
    std::array<std::atomic<void*>, passed_per_life> passing{};
};

/// Leaves a block in every slot and frees what is found there; returns the sum of what it read.
template <class View>
[[gnu::noinline]] std::uint64_t pass_on(View& view, std::size_t place, legacy& all) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < legacy::passed_per_life; ++i) {
        std::atomic<void*>& slot = all.passing[(place + i) % legacy::passed_per_life];
        // Both ways, as in exchange.hpp. What is found was left by whoever passed here last.
        void* const found = slot.exchange(take(view, i), std::memory_order_acq_rel);
        if (found != nullptr) {
            sum += give(view, found);
        }
    }
    return sum;
}

/// One life at one place; returns the sum of what it read.
template <class View>
std::uint64_t live(View& view, std::size_t place, std::size_t blocks, legacy& all) {
    std::vector<void*>& left = all.left[place];
    std::uint64_t checksum = give_all(view, std::span(left));
    left.resize(blocks);
    take_all(view, std::span(left));
    checksum += pass_on(view, place, all);
    checksum += give_all(view, std::span(left).subspan(blocks / 2));
    left.resize(blocks / 2);
    return checksum;
}

/// After the last life: frees what is left at this place, and what is in passing.
template <class View>
std::uint64_t inherit(View& view, std::size_t place, legacy& all) {
    std::uint64_t checksum = give_all(view, std::span(all.left[place]));
    for (std::atomic<void*>& slot : all.passing) {
        void* const block = slot.exchange(nullptr, std::memory_order_acq_rel); // as in live()
        checksum += block == nullptr ? 0 : give(view, block);
    }
    return checksum;
}

template <class Pool>
outcome measure_thread_lives(const task& asked) {
    const std::size_t generations = asked.operations / asked.threads;
    crew threads(asked.threads);
    legacy all{.left = std::vector<std::vector<void*>>(asked.threads)};
    for (std::vector<void*>& left : all.left) {
        left.reserve(asked.blocks);
    }
    auto pool = made_for<Pool>(room_for(asked));
    std::vector<std::uint64_t> read(asked.threads);
    std::vector<double> times(generations); // touched before memory is measured
    static_cast<void>(resident_bytes());    // stdio's buffer is there before anything is measured
    double early_bytes = 0;
    for (std::size_t generation = 0; generation < generations; ++generation) {
        if (generation == generations / 10) {
            early_bytes = resident_bytes();
        }
        const double start = wall_ns();
        threads.run([&](std::size_t place) {
            decltype(auto) view = view_of(pool);
            read[place] += live(view, place, asked.blocks, all);
        });
        times[generation] = wall_ns() - start;
    }
    const double growth = resident_bytes() - early_bytes;
    threads.run([&](std::size_t place) {
        decltype(auto) view = view_of(pool);
        read[place] += inherit(view, place, all);
    });
    return {.checksum = std::accumulate(read.begin(), read.end(), std::uint64_t{0}),
            .figures = {{"time", median(times) / static_cast<double>(asked.threads)},
                        {"growth", growth}}};
}

} // namespace millpond::bench
