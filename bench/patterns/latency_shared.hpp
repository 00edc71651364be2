// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How long does a single operation take while another thread uses the same pool?
///
/// Every thread churns blocks of its own in one pool. The first has every allocation and every free
/// timed as latency.hpp does; the others only keep the pool busy. Unit: nanoseconds.

#include <atomic>

#include "contenders/making.hpp"
#include "crew.hpp"
#include "patterns/churn.hpp"
#include "patterns/latency.hpp"
#include "task.hpp"

namespace millpond::bench {

/// The first thread's part: the churn, with every call timed once it has settled in.
template <class View>
outcome time_churn_in(View& view, const task& asked, crew& threads, std::atomic<bool>& finished) {
    histogram allocations;
    histogram frees;
    outcome found;
    {
        churn<View&> book(view, asked.blocks);
        threads.gather();
        timed_replace(book, 2 * asked.blocks, allocations, frees);
        allocations = histogram();
        frees = histogram();
        timed_replace(book, asked.operations, allocations, frees);
        found.checksum = book.checksum();
        finished.store(true, std::memory_order_relaxed); // a hint; nothing hangs on it
    }
    report_percentiles("allocate", allocations, found);
    report_percentiles("free", frees, found);
    return found;
}

/// The others' part, until the first has finished.
template <class View>
void keep_busy(View& view, const task& asked, crew& threads, const std::atomic<bool>& finished) {
    churn<View&> book(view, asked.blocks);
    threads.gather();
    while (!finished.load(std::memory_order_relaxed)) {
        replace_some(book, 1);
    }
}

template <class Pool>
outcome measure_latency_of_shared(const task& asked) {
    crew threads(asked.threads);
    auto pool = made_for<Pool>(room_for(asked));
    std::atomic<bool> finished = false;
    outcome found;
    threads.run([&](std::size_t index) {
        decltype(auto) view = view_of(pool);
        if (index == 0) {
            found = time_churn_in(view, asked, threads, finished);
        } else {
            keep_busy(view, asked, threads, finished);
        }
    });
    report_clock(found);
    return found;
}

} // namespace millpond::bench
