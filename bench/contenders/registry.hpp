// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Who takes part, and in what.

#include <cstddef>
#include <limits>
#include <span>
#include <string_view>
#include <vector>

#include "task.hpp"

namespace millpond::bench {

/// What a contender can be asked for, as a set of bits.
enum ability : unsigned {
    raw_blocks = 1U << 0,   ///< pair, burst, churn, refill, memory, latency
    starts_sized = 1U << 1, ///< takes a capacity when constructed: start-up means something
    prefaults = 1U << 2,    ///< start-up with prefault
    grows = 1U << 3,        ///< starts small
    iterates = 1U << 4,     ///< visits what is alive
    any_thread = 1U << 5, ///< allocates in one thread and frees in another: all of several threads
    apart = 1U << 6,      ///< several threads, each of which frees what it allocated
    one_way = 1U << 7,    ///< one thread allocates, one other frees
    keeps_a_crowd = 1U << 8,   ///< creates and destroys what it iterates
    node_containers = 1U << 9, ///< serves a std::list, a std::map and their like
    documents = 1U << 10,      ///< serves strings, vectors and maps together
    mixed_sizes = 1U << 11,    ///< serves any size, and takes it back
};

/// What a source of memory for containers can usually do.
inline constexpr unsigned in_containers = node_containers | documents | mixed_sizes;

/// One library, or one way to use it.
struct contender {
    std::string_view name;
    std::string_view what; ///< one line for the reader
    unsigned abilities = 0;
    outcome (*run)(const task&) = nullptr;
    std::string_view package = ""; ///< the Debian package whose version is reported
    std::string_view preload = ""; ///< library that replaces malloc in the worker
    /// Above so many live blocks it is not run, because one operation walks a list of them.
    std::size_t most_live = std::numeric_limits<std::size_t>::max();
    std::size_t most_block_bytes = std::numeric_limits<std::size_t>::max();
};

/// Each returns one family; a family whose library was not found at build time is not there.
std::vector<contender> floor_contenders();
std::vector<contender> millpond_contenders();
std::vector<contender> millpond_resource_contenders();
std::vector<contender> millpond_unchecked_contenders();
std::vector<contender> millpond_concurrent_contenders();
std::vector<contender> textbook_contenders();
std::vector<contender> malloc_contenders();
std::vector<contender> boost_contenders();
std::vector<contender> boost_container_contenders();
std::vector<contender> foonathan_contenders();
std::vector<contender> standard_contenders();
std::vector<contender> tbb_contenders();
std::vector<contender> dpdk_contenders();
std::vector<contender> iteration_contenders();

/// A contender that this build or this machine lacks, and why.
struct missing_contender {
    std::string_view name;
    std::string_view reason;
    unsigned abilities; ///< what it would have been asked for
};

/// All that were built, in the order in which they run and are shown.
const std::vector<contender>& all_contenders();

/// Those that were not built.
std::span<const missing_contender> contenders_not_built();

/// The contender of that name, or nullptr.
const contender* find_contender(std::string_view name);

} // namespace millpond::bench
