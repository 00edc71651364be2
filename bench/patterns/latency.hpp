// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How long does a single operation take, at the median and at its worst?
///
/// Every allocation and every free of the churn and of the refill is timed by the time-stamp
/// counter, with fences around it, touches outside. The clock's own cost, measured the same way
/// over nothing, is reported and not subtracted. Unit: nanoseconds.

#include <string>

#include "histogram.hpp"
#include "measure.hpp"
#include "patterns/churn.hpp"
#include "patterns/refill.hpp"
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
        const auto replace = [&](std::size_t blocks) {
            for (std::size_t done = 0; done < blocks;) {
                done += book.step(
                    [&](Pool& pool, void* block) { return timed_give(pool, block, frees); },
                    [&](Pool& pool, std::uint64_t value) {
                        return timed_take(pool, value, allocations);
                    });
            }
        };
        replace(2 * asked.blocks);
        allocations = histogram();
        frees = histogram();
        replace(asked.operations);
        found.checksum = book.checksum();
    }
    report_percentiles("allocate", allocations, found);
    report_percentiles("free", frees, found);
    report_clock(found);
    return found;
}

template <class Pool>
outcome measure_latency_of_refill(const task& asked) {
    const std::vector<std::uint32_t> order = shuffled_order(asked.blocks);
    std::vector<void*> held(asked.blocks);
    histogram allocations;
    histogram frees;
    outcome found;
    {
        Pool pool(asked.blocks);
        std::uint64_t value = 0;
        for (void*& block : held) {
            block = take(pool, ++value);
        }
        for (const std::uint32_t index : order) {
            found.checksum += timed_give(pool, held[index], frees);
        }
        for (void*& block : held) {
            block = timed_take(pool, ++value, allocations);
        }
        for (void* const block : held) {
            found.checksum += give(pool, block);
        }
    }
    report_percentiles("allocate", allocations, found);
    report_percentiles("free", frees, found);
    report_clock(found);
    return found;
}

} // namespace millpond::bench
