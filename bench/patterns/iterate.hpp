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
///     explicit Crowd(std::size_t objects);     // room for so many
///     using key = ...;                         // what names an object
///     key create(std::uint64_t value);
///     void destroy(key);
///     void settle();                           // all that shall go has gone
///     std::uint64_t sum() const;               // of all values

#include <cstdint>
#include <span>
#include <vector>

#include "measure.hpp"
#include "task.hpp"

namespace millpond::bench {

/// What is made and visited: one cache line, of which the first word is read.
struct visitor {
    explicit visitor(std::uint64_t number) noexcept
        : value(number) {}

    std::uint64_t value;
    std::uint64_t rest[7] = {};
};

/// Fills the crowd, and destroys all but the share that stays, at random. Returns who is left, in
/// random order.
template <class Crowd>
std::vector<typename Crowd::key> thinned_out(Crowd& crowd, const task& asked) {
    std::vector<typename Crowd::key> held;
    held.reserve(asked.blocks);
    for (std::size_t i = 0; i < asked.blocks; ++i) {
        held.push_back(crowd.create(i + 1));
    }
    random_source().shuffle(std::span(held));
    const std::size_t alive = asked.blocks / 100 * asked.percent_occupied;
    while (held.size() > alive) {
        crowd.destroy(held.back());
        held.pop_back();
    }
    return held;
}

/// The pass: visits all.
template <class Crowd>
[[gnu::noinline]] std::uint64_t visit_all(const Crowd& crowd) {
    asm volatile("" : : "r"(&crowd) : "memory");
    return crowd.sum();
}

template <class Crowd>
outcome measure_iterate(const task& asked) {
    constexpr std::size_t most_rounds = 15;
    Crowd crowd(asked.blocks);
    const std::size_t alive = thinned_out(crowd, asked).size();
    crowd.settle();
    outcome found;
    found.checksum = visit_all(crowd);
    const double ns = median_batch_ns(most_rounds, [&] { found.checksum += visit_all(crowd); });
    found.figures.push_back({"time", ns / static_cast<double>(alive)});
    return found;
}

} // namespace millpond::bench
