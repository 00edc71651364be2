// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How long does a single operation take, at the median and at its worst?
///
/// Every allocation and every free of the churn and of the refill is timed by the time-stamp
/// counter, with fences around it, touches outside. The clock's own cost, measured the same way
/// over nothing, is reported and not subtracted. Unit: nanoseconds.

#include <span>
#include <string>
#include <vector>

#include "histogram.hpp"
#include "measure.hpp"
#include "passes.hpp"
#include "patterns/churn.hpp"
#include "task.hpp"

namespace millpond::bench {

/// Allocates like `take`, with only the allocator's call between two readings of the clock.
template <class Pool>
[[gnu::always_inline]] inline void* timed_take(Pool& pool, std::uint64_t value, histogram& times) {
    const std::uint64_t start = ticks_before();
    void* block = pool.allocate();
    asm volatile("" : "+r"(block) : "r"(&pool) : "memory");
    times.add(ticks_after() - start);
    if (block == nullptr) [[unlikely]] {
        out_of_blocks();
    }
    touch<Pool::block_bytes>(block, value);
    return block;
}

/// Frees like `give`, with only the allocator's call between two readings of the clock.
template <class Pool>
[[gnu::always_inline]] inline std::uint64_t timed_give(Pool& pool, void* block, histogram& times) {
    const std::uint64_t value = look(block);
    const std::uint64_t start = ticks_before();
    pool.deallocate(block);
    asm volatile("" : : "r"(&pool) : "memory");
    times.add(ticks_after() - start);
    return value;
}

/// The passes of passes.hpp, with every call timed.
template <class Pool>
[[gnu::noinline]] void timed_take_all(Pool& pool, std::span<void*> held, histogram& times) {
    std::uint64_t value = 0;
    for (void*& block : held) {
        block = timed_take(pool, ++value, times);
    }
}

template <class Pool>
[[gnu::noinline]] std::uint64_t
timed_give_all(Pool& pool, std::span<void* const> held, histogram& times) {
    std::uint64_t sum = 0;
    for (void* const block : held) {
        sum += timed_give(pool, block, times);
    }
    return sum;
}

/// Replaces so many blocks, with every call timed.
template <class Pool>
void timed_replace(churn<Pool>& book,
                   std::size_t blocks,
                   histogram& allocations,
                   histogram& frees) {
    book.replace(
        blocks,
        [&frees](auto& pool, void* block) { return timed_give(pool, block, frees); },
        [&allocations](auto& pool, std::uint64_t value) {
            return timed_take(pool, value, allocations);
        });
}

/// Appends p50 to max of a histogram, in nanoseconds, as figures "NAME p99.9".
inline void report_percentiles(const std::string& name, histogram& times, outcome& found) {
    const double scale = ns_per_tick();
    const auto add = [&](const char* label, double percentile) {
        found.figures.push_back(
            {name + " " + label, static_cast<double>(times.at(percentile)) * scale});
    };
    add("p50", 50);
    add("p90", 90);
    add("p99", 99);
    add("p99.9", 99.9);
    add("p99.99", 99.99);
    add("p99.999", 99.999);
    add("max", 100);
}

/// The same clock around nothing at all.
inline void report_clock(outcome& found) {
    histogram times;
    for (int i = 0; i < 100'000; ++i) {
        const std::uint64_t start = ticks_before();
        asm volatile("" : : : "memory");
        times.add(ticks_after() - start);
    }
    report_percentiles("clock", times, found);
}

template <class Pool>
outcome measure_latency_of_churn(const task& asked) {
    histogram allocations;
    histogram frees;
    outcome found;
    {
        churn<Pool> book(asked.blocks);
        timed_replace(book, 2 * asked.blocks, allocations, frees);
        allocations = histogram();
        frees = histogram();
        timed_replace(book, asked.operations, allocations, frees);
        found.checksum = book.checksum();
    }
    report_percentiles("allocate", allocations, found);
    report_percentiles("free", frees, found);
    report_clock(found);
    return found;
}

template <class Pool>
outcome measure_latency_of_refill(const task& asked) {
    std::vector<void*> held(asked.blocks);
    const std::span all(held);
    histogram allocations;
    histogram frees;
    outcome found;
    {
        Pool pool(asked.blocks);
        take_all(pool, all);
        random_source().shuffle(all);
        found.checksum += timed_give_all(pool, all, frees);
        timed_take_all(pool, all, allocations);
        found.checksum += give_all(pool, all);
    }
    report_percentiles("allocate", allocations, found);
    report_percentiles("free", frees, found);
    report_clock(found);
    return found;
}

} // namespace millpond::bench
