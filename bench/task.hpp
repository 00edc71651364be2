// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What one worker process is asked to measure, and what it answers.
///
/// A worker measures one contender on one pattern at one block size, once, and dies. So no
/// contender ever meets memory that another one has used, and a preloaded malloc serves its own
/// worker only.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millpond::bench {

/// The questions. Each has a header of the same name under patterns/; those about a container share
/// container.hpp.
enum class pattern : unsigned char {
    pair,
    burst_reverse,
    burst_in_order,
    churn,
    refill,
    start_up,
    start_up_prefaulted,
    growth,
    growth_pause,
    memory,
    latency_churn,
    latency_refill,
    iterate,
    insert_erase,
    local_bursts,
    hand_off,
    exchange,
    thread_lives,
    latency_shared,
    list,
    forward_list,
    map,
    set,
    unordered_map,
    mixed_sizes,
    json_document,
};

/// One measurement to make.
struct task {
    pattern what = pattern::pair;
    std::size_t block_bytes = 0; ///< 0 where sizes are the container's, or the trace's
    std::size_t blocks = 0;      ///< live at once, or in the burst, or in the pool; of each thread;
                                 ///< elements of a container
    std::size_t operations = 0;  ///< how often the timed step runs, all batches together
    unsigned percent_occupied = 0; ///< iterate and insert_erase only
    std::size_t threads = 0;       ///< at once; 0 in the patterns of one thread
};

/// One measured quantity; its unit is the pattern's, or part of its name.
struct figure {
    std::string name;
    double value = 0;
};

/// What a worker found.
struct outcome {
    std::uint64_t checksum = 0; ///< of what was read from the blocks; the same for every contender
    std::vector<figure> figures;
};

} // namespace millpond::bench
