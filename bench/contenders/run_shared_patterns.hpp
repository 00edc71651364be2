// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Instantiates the patterns of several threads for one contender.
///
/// A contender is what run_patterns.hpp says, and any thread may call it at any time; or it has
/// `local()`, and then each thread calls what that returned to it. It is made from `shared`, or
/// from the number of blocks alone.

#include <stdexcept>

#include "contenders/run_patterns.hpp"
#include "patterns/exchange.hpp"
#include "patterns/hand_off.hpp"
#include "patterns/latency_shared.hpp"
#include "patterns/local_bursts.hpp"
#include "patterns/thread_lives.hpp"
#include "task.hpp"

namespace millpond::bench {

/// The patterns in which every thread frees what it allocated.
template <class Pool>
outcome run_apart(const task& asked) {
    switch (asked.what) {
    case pattern::local_bursts:
        return measure_local_bursts<Pool>(asked);
    case pattern::latency_shared:
        return measure_latency_of_shared<Pool>(asked);
    default:
        throw std::invalid_argument("this contender does not run this pattern");
    }
}

/// All of them. They run with blocks of one size.
template <template <std::size_t> class Contender>
outcome run_shared_patterns(const task& asked) {
    using pool = Contender<large_pattern_block_bytes>;
    switch (asked.what) {
    case pattern::hand_off:
        return measure_hand_off<pool>(asked);
    case pattern::exchange:
        return measure_exchange<pool>(asked);
    case pattern::thread_lives:
        return measure_thread_lives<pool>(asked);
    default:
        return run_apart<pool>(asked);
    }
}

/// For a contender that takes part with one thread and with several.
template <template <std::size_t> class Contender>
outcome run_all_patterns(const task& asked) {
    return asked.threads == 0 ? run_patterns<Contender>(asked)
                              : run_shared_patterns<Contender>(asked);
}

/// One pool for each thread: what a library for one thread costs where threads keep to themselves.
template <class Pool>
class one_per_thread {
public:
    static constexpr std::size_t block_bytes = Pool::block_bytes;

    explicit one_per_thread(shared size)
        : blocks_(size.blocks / size.threads) {}

    Pool local() const { return Pool(blocks_); }

private:
    std::size_t blocks_;
};

} // namespace millpond::bench
