// SPDX-License-Identifier: MIT
/// \file
/// Millpond with the checks compiled out, to show what they cost.

#include "contenders/millpond_concurrent_pools.hpp"
#include "contenders/millpond_resources.hpp"
#include "contenders/registry.hpp"
#include "contenders/run_shared_patterns.hpp"

namespace millpond::bench {

std::vector<contender> millpond_unchecked_contenders() {
    static_assert(!checked_build, "this file is about the unchecked level");
    return {{.name = "millpond unchecked",
             .what = "block_pool of the unchecked level; what the checks cost",
             .abilities = raw_blocks | starts_sized | prefaults | grows,
             .run = run_patterns<MILLPOND_ABI::raw_pool>},
            {.name = "millpond concurrent unchecked",
             .what = "concurrent_block_pool of the unchecked level; what the checks cost",
             .abilities = any_thread,
             .run = run_shared_patterns<MILLPOND_ABI::concurrent_pool>},
            {.name = "millpond pool_allocator, unchecked",
             .what = "pool_allocator of the unchecked level; what the checks cost",
             .abilities = in_containers,
             .run = run_containers_of<MILLPOND_ABI::pool_allocator_source>}};
}

} // namespace millpond::bench
