// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does it cost to visit everything that is alive, when 10, 50 or 90 % of the places are?
///
/// A million objects of 64 bytes are made, a share of them is destroyed at random, and the first
/// word of each that is left is added up. Unit: nanoseconds per live object.
///
/// A contender here is a class with
///
///     explicit Crowd(std::size_t objects);    // object i has the value i + 1
///     void destroy(std::size_t i);
///     void settle();                          // all that shall go has gone
///     std::uint64_t sum() const;

#include "measure.hpp"
#include "patterns/refill.hpp"
#include "task.hpp"

namespace millpond::bench {

/// What is made and visited: one cache line, of which the first word is read.
struct visitor {
    explicit visitor(std::uint64_t number) noexcept
        : value(number) {}

    std::uint64_t value;
    std::uint64_t rest[7] = {};
};

template <class Crowd>
outcome measure_iterate(const task& asked) {
    constexpr std::size_t most_rounds = 15;
    const std::vector<std::uint32_t> order = shuffled_order(asked.blocks);
    Crowd crowd(asked.blocks);
    const std::size_t alive = asked.blocks / 100 * asked.percent_occupied;
    for (std::size_t i = alive; i < asked.blocks; ++i) {
        crowd.destroy(order[i]);
    }
    crowd.settle();
    outcome found;
    found.checksum = crowd.sum();
    const double ns = median_batch_ns(most_rounds, [&] {
        asm volatile("" : : "r"(&crowd) : "memory");
        found.checksum += crowd.sum();
    });
    found.figures.push_back({"time", ns / static_cast<double>(alive)});
    return found;
}

} // namespace millpond::bench
