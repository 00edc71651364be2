// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does a block cost that one thread allocates and another frees: a pipeline, a logger, a feed?
///
/// The producer allocates and touches, a bounded ring carries the address, the consumer reads and
/// frees. Unit: nanoseconds of wall time per block, until the last of ten thousand is freed. The
/// ring is in it, for everyone; the floor says what it costs.

#include "contenders/making.hpp"
#include "crew.hpp"
#include "measure.hpp"
#include "ring.hpp"
#include "rounds.hpp"
#include "task.hpp"

namespace millpond::bench {

/// The producer's pass.
template <class View>
[[gnu::noinline]] void push_all(View& view, spsc_ring& ring, std::size_t blocks) {
    for (std::uint64_t value = 1; value <= blocks; ++value) {
        ring.push(take(view, value));
    }
}

/// The consumer's. Returns the sum of what it read.
template <class View>
[[gnu::noinline]] std::uint64_t pop_all(View& view, spsc_ring& ring, std::size_t blocks) {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < blocks; ++i) {
        sum += give(view, ring.pop());
    }
    return sum;
}

template <class Pool>
outcome measure_hand_off(const task& asked) {
    const rounds plan(asked.operations);
    crew threads(2);
    auto pool = made_for<Pool>(room_for(asked));
    spsc_ring ring(asked.blocks);
    checksums read(2);
    threads.run([&](std::size_t index) {
        decltype(auto) view = view_of(pool);
        if (index == 0) {
            threads.measure(index, plan.count, [&] { push_all(view, ring, plan.operations); });
        } else {
            threads.measure(index, plan.count, [&] {
                read.of_a_round(index, pop_all(view, ring, plan.operations));
            });
        }
    });
    return {
        .checksum = read.sum(),
        .figures = {{"time", threads.median_round_ns() / static_cast<double>(plan.operations)}}};
}

} // namespace millpond::bench
