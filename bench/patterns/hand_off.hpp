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
            threads.measure(index, plan.count, [&] {
                for (std::uint64_t value = 1; value <= plan.operations; ++value) {
                    ring.push(take(view, value));
                }
            });
        } else {
            threads.measure(index, plan.count, [&] {
                std::uint64_t checksum = 0;
                for (std::size_t i = 0; i < plan.operations; ++i) {
                    checksum += give(view, ring.pop());
                }
                read.of_a_round(index, checksum);
            });
        }
    });
    return {
        .checksum = read.sum(),
        .figures = {{"time", threads.median_round_ns() / static_cast<double>(plan.operations)}}};
}

} // namespace millpond::bench
