// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does the second hour of a server cost, when everything was freed once in random order?
///
/// Four million blocks are allocated, freed in shuffled order (timed: `free`), allocated again and
/// touched (`refill`), and read in the order of allocation (`walk`). Unit: nanoseconds per block.

#include <span>
#include <vector>

#include "measure.hpp"
#include "passes.hpp"
#include "task.hpp"

namespace millpond::bench {

template <class Pool>
outcome measure_refill(const task& asked) {
    std::vector<void*> held(asked.blocks);
    Pool pool(asked.blocks);
    outcome found;
    const std::span all(held);
    take_all(pool, all);
    random_source().shuffle(all);
    const double free_ns = pass_ns([&] { found.checksum += give_all(pool, all); });
    const double refill_ns = pass_ns([&] { take_all(pool, all, asked.blocks); });
    const double walk_ns = pass_ns([&] { found.checksum += look_at_all(all); });
    give_all(pool, all);
    const auto blocks = static_cast<double>(asked.blocks);
    found.figures = {
        {"free", free_ns / blocks}, {"refill", refill_ns / blocks}, {"walk", walk_ns / blocks}};
    return found;
}

} // namespace millpond::bench
