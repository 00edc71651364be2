// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does the second hour of a server cost, when everything was freed once in random order?
///
/// Four million blocks are allocated, freed in shuffled order (timed: `free`), allocated again and
/// touched (`refill`), and read in the order of allocation (`walk`). Unit: nanoseconds per block.

#include <cstdint>
#include <numeric>
#include <vector>

#include "measure.hpp"
#include "task.hpp"

namespace millpond::bench {

/// 0 .. blocks - 1 in an order that is the same for everyone.
inline std::vector<std::uint32_t> shuffled_order(std::size_t blocks) {
    std::vector<std::uint32_t> order(blocks);
    std::iota(order.begin(), order.end(), 0U);
    random_source().shuffle(std::span(order));
    return order;
}

template <class Pool>
outcome measure_refill(const task& asked) {
    const std::vector<std::uint32_t> order = shuffled_order(asked.blocks);
    std::vector<void*> held(asked.blocks);
    Pool pool(asked.blocks);
    outcome found;
    std::uint64_t value = 0;
    const auto fill = [&] {
        for (void*& block : held) {
            block = take(pool, ++value);
        }
    };
    fill();
    const double free_ns = pass_ns([&] {
        for (const std::uint32_t index : order) {
            found.checksum += give(pool, held[index]);
        }
    });
    const double refill_ns = pass_ns(fill);
    const double walk_ns = pass_ns([&] {
        for (const void* const block : held) {
            found.checksum += look(block);
        }
    });
    for (void* const block : held) {
        give(pool, block);
    }
    const auto blocks = static_cast<double>(asked.blocks);
    found.figures = {
        {"free", free_ns / blocks}, {"refill", refill_ns / blocks}, {"walk", walk_ns / blocks}};
    return found;
}

} // namespace millpond::bench
