// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does one allocation with its free cost, when the block is in the cache?
///
/// One block at a time is allocated, touched and freed: the hot path of everything. Unit:
/// nanoseconds per pair.

#include "measure.hpp"
#include "passes.hpp"
#include "task.hpp"

namespace millpond::bench {

template <class Pool>
outcome measure_pair(const task& asked) {
    constexpr std::size_t batches = 50;
    const std::size_t per_batch = asked.operations / batches;
    Pool pool(asked.blocks);
    outcome found;
    const auto batch = [&] { found.checksum += take_and_give(pool, per_batch); };
    batch();
    const double ns = median_batch_ns(batches, batch);
    found.figures.push_back({"time", ns / static_cast<double>(per_batch)});
    return found;
}

} // namespace millpond::bench
