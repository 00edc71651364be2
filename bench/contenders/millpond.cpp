// SPDX-License-Identifier: MIT
/// \file
/// Millpond as users get it: every free checked.

#include "contenders/millpond_pools.hpp"
#include "contenders/registry.hpp"
#include "contenders/run_shared_patterns.hpp"

namespace millpond::bench {

std::vector<contender> millpond_contenders() {
    static_assert(checked_build, "this file is about the default level");
    constexpr unsigned everything = raw_blocks | starts_sized | prefaults | grows;
    return {{.name = "millpond block_pool",
             .what = "the default level: every free checked",
             .abilities = everything,
             .run = run_patterns<MILLPOND_ABI::raw_pool>},
            {.name = "millpond object_pool",
             .what = "typed; the block size is known at compile time",
             .abilities = everything,
             .run = run_patterns<MILLPOND_ABI::typed_pool_of_payload>},
            {.name = "millpond huge pages",
             .what = "block_pool with the option for transparent huge pages",
             .abilities = raw_blocks | starts_sized | prefaults,
             .run = run_patterns<MILLPOND_ABI::raw_pool_on_huge_pages>},
            {.name = "millpond static_block_pool",
             .what = "65,536 blocks in static storage, no heap, no system call",
             .abilities = raw_blocks,
             .run = run_patterns<MILLPOND_ABI::static_pool>,
             .most_live = MILLPOND_ABI::static_blocks},
            {.name = "millpond block_pool, one per thread",
             .what = "the pool for one thread, where threads keep to themselves: the reference",
             .abilities = apart,
             .run = run_apart<one_per_thread<MILLPOND_ABI::raw_pool<large_pattern_block_bytes>>>}};
}

} // namespace millpond::bench
