// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does it cost to keep a crowd that can be iterated, when 10, 50 or 90 % of its places are taken?
///
/// A crowd of iterate.hpp, thinned out at random as there. Then a fiftieth of the places is destroyed,
/// in random order by whatever the contender names objects with (`erase`), and as many are created
/// (`insert`), again and again. The names are read and written in a row. Unit: nanoseconds per object.

#include <algorithm>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "measure.hpp"
#include "patterns/iterate.hpp"
#include "task.hpp"

namespace millpond::bench {

/// The two passes: the last name goes first, the first place gets one first.
template <class Crowd>
[[gnu::noinline]] void erase_all(Crowd& crowd, std::span<const typename Crowd::key> named) {
    for (std::size_t i = named.size(); i > 0; --i) {
        crowd.destroy(named[i - 1]);
        asm volatile("" : : "r"(&crowd) : "memory");
    }
}

/// Writes the numbers that follow `value`.
template <class Crowd>
[[gnu::noinline]] void
insert_all(Crowd& crowd, std::span<typename Crowd::key> named, std::uint64_t value) {
    for (typename Crowd::key& name : named) {
        name = crowd.create(++value);
        asm volatile("" : : "r"(&crowd) : "memory");
    }
}

/// One round: picks the victims, destroys them, creates as many. The times of the last two.
template <class Crowd>
std::pair<double, double> exchange_some(Crowd& crowd,
                                        std::vector<typename Crowd::key>& held,
                                        std::size_t some,
                                        random_source& random,
                                        std::uint64_t& value) {
    for (std::size_t i = 0; i < some; ++i) {
        std::swap(held[random.below(held.size())], held[held.size() - 1 - i]);
    }
    const std::span leaving = std::span(held).last(some);
    const double erase_ns = pass_ns([&] { erase_all<Crowd>(crowd, leaving); });
    const double insert_ns = pass_ns([&] { insert_all<Crowd>(crowd, leaving, value); });
    value += some;
    return {erase_ns, insert_ns};
}

template <class Crowd>
outcome measure_insert_erase(const task& asked) {
    constexpr std::size_t rounds = 31;
    Crowd crowd(asked.blocks);
    auto held = thinned_out(crowd, asked);
    const std::size_t some = std::max<std::size_t>(asked.blocks / 50, 1);
    random_source random;
    std::uint64_t value = asked.blocks;
    std::vector<double> erase;
    std::vector<double> insert;
    for (std::size_t round = 0; round < rounds; ++round) {
        const auto [erase_ns, insert_ns] = exchange_some(crowd, held, some, random, value);
        erase.push_back(erase_ns);
        insert.push_back(insert_ns);
    }
    crowd.settle();
    outcome found;
    found.checksum = crowd.sum();
    const auto each = static_cast<double>(some);
    found.figures = {{"erase", median(erase) / each}, {"insert", median(insert) / each}};
    return found;
}

} // namespace millpond::bench
