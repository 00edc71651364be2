// SPDX-License-Identifier: MIT
/// \file
/// The list of contenders, with those that this build lacks named.

#include "contenders/registry.hpp"

#include <algorithm>

namespace millpond::bench {

namespace {

void append(std::vector<contender>& all, std::vector<contender> more) {
    all.insert(all.end(), more.begin(), more.end());
}

std::vector<contender> collect() {
    std::vector<contender> all = floor_contenders();
    append(all, millpond_contenders());
    append(all, millpond_concurrent_contenders());
    append(all, millpond_resource_contenders());
    append(all, millpond_unchecked_contenders());
    append(all, textbook_contenders());
#ifdef MILLPOND_BENCH_BOOST
    append(all, boost_contenders());
#endif
#ifdef MILLPOND_BENCH_BOOST_CONTAINER
    append(all, boost_container_contenders());
#endif
#ifdef MILLPOND_BENCH_FOONATHAN
    append(all, foonathan_contenders());
#endif
    append(all, standard_contenders());
#ifdef MILLPOND_BENCH_TBB
    append(all, tbb_contenders());
#endif
#ifdef MILLPOND_BENCH_DPDK
    append(all, dpdk_contenders());
#endif
    append(all, malloc_contenders());
    append(all, iteration_contenders());
    return all;
}

const std::vector<missing_contender> not_built = {
#ifndef MILLPOND_BENCH_BOOST
    {"Boost.Pool, Boost.Interprocess and boost::lockfree",
     "boost/pool/pool.hpp was not found at build time",
     raw_blocks | any_thread | node_containers},
#endif
#ifndef MILLPOND_BENCH_BOOST_CONTAINER
    {"Boost.Container pmr",
     "boost/container/pmr or its compiled part was not found at build time",
     in_containers},
#endif
#ifndef MILLPOND_BENCH_FOONATHAN
    {"foonathan/memory",
     "foonathan/memory/memory_pool.hpp was not found at build time",
     raw_blocks | any_thread | in_containers},
#endif
#ifndef MILLPOND_BENCH_TBB
    {"TBB fixed_pool", "tbb/memory_pool.h was not found at build time", raw_blocks | any_thread},
#endif
#ifndef MILLPOND_BENCH_DPDK
    {"DPDK rte_mempool", "dpdk/rte_mempool.h was not found at build time", any_thread},
#endif
#if !__has_include(<plf_colony.h>)
    {"plf::colony", "plf_colony.h was not found at build time", iterates | keeps_a_crowd},
#endif
};

} // namespace

const std::vector<contender>& all_contenders() {
    static const std::vector<contender> all = collect();
    return all;
}

std::span<const missing_contender> contenders_not_built() {
    return not_built;
}

const contender* find_contender(std::string_view name) {
    const auto& all = all_contenders();
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const contender& c) { return c.name == name; });
    return found == all.end() ? nullptr : &*found;
}

} // namespace millpond::bench
