// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does a burst cost when several threads have bursts at once, each its own?
///
/// Every thread allocates a thousand blocks, touches them and frees them, the oldest first, again
/// and again; none ever sees a block of another. Unit: nanoseconds of wall time per block of one
/// thread, allocation and free together.

#include <algorithm>
#include <span>
#include <vector>

#include "contenders/making.hpp"
#include "crew.hpp"
#include "measure.hpp"
#include "passes.hpp"
#include "rounds.hpp"
#include "task.hpp"

namespace millpond::bench {

template <class Pool>
outcome measure_local_bursts(const task& asked) {
    const rounds plan(asked.operations);
    const std::size_t bursts = std::max<std::size_t>(1, plan.operations / asked.blocks);
    crew threads(asked.threads);
    auto pool = made_for<Pool>(room_for(asked));
    checksums read(asked.threads);
    threads.run([&](std::size_t index) {
        decltype(auto) view = view_of(pool);
        std::vector<void*> held(asked.blocks);
        threads.measure(index, plan.count, [&] {
            std::uint64_t checksum = 0;
            for (std::size_t burst = 0; burst < bursts; ++burst) {
                take_all(view, std::span(held));
                checksum += give_all(view, std::span(held));
            }
            read.of_a_round(index, checksum);
        });
    });
    return {.checksum = read.sum(),
            .figures = {
                {"time", threads.median_round_ns() / static_cast<double>(bursts * asked.blocks)}}};
}

} // namespace millpond::bench
