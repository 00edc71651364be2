// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does a burst cost: a message's parts, or a frame's entities?
///
/// A thousand blocks are allocated and touched, then all are freed, the newest first or the oldest
/// first. Unit: nanoseconds per block, allocation and free together.

#include <algorithm>
#include <span>
#include <vector>

#include "measure.hpp"
#include "passes.hpp"
#include "task.hpp"

namespace millpond::bench {

enum class free_order : unsigned char { reverse, in_order };

template <class Pool, free_order Order>
outcome measure_burst(const task& asked) {
    constexpr std::size_t batches = 50;
    const std::size_t bursts_per_batch =
        std::max<std::size_t>(1, asked.operations / (batches * asked.blocks));
    Pool pool(asked.blocks);
    std::vector<void*> held(asked.blocks);
    outcome found;
    const auto batch = [&] {
        for (std::size_t burst = 0; burst < bursts_per_batch; ++burst) {
            take_all(pool, std::span(held));
            found.checksum += Order == free_order::reverse
                                  ? give_all_backwards(pool, std::span(held))
                                  : give_all(pool, std::span(held));
        }
    };
    batch();
    const double ns = median_batch_ns(batches, batch);
    found.figures.push_back({"time", ns / static_cast<double>(bursts_per_batch * asked.blocks)});
    return found;
}

} // namespace millpond::bench
