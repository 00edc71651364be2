// SPDX-License-Identifier: MIT
/// \file
/// Millpond's pools for several threads as users get them: every free checked.

#include "contenders/millpond_concurrent_pools.hpp"
#include "contenders/millpond_resources.hpp"
#include "contenders/registry.hpp"
#include "contenders/run_shared_patterns.hpp"

namespace millpond::bench {

std::vector<contender> millpond_concurrent_contenders() {
    static_assert(checked_build, "this file is about the default level");
    return {{.name = "millpond concurrent_block_pool",
             .what = "told the number of threads; the default level: every free checked",
             .abilities = any_thread,
             .run = run_shared_patterns<MILLPOND_ABI::concurrent_pool>},
            {.name = "millpond concurrent local()",
             .what = "the same through each thread's view",
             .abilities = any_thread,
             .run = run_shared_patterns<MILLPOND_ABI::concurrent_pool_by_view>},
            {.name = "millpond concurrent, default threads",
             .what = "the same, not told the number of threads",
             .abilities = any_thread,
             .run = run_shared_patterns<MILLPOND_ABI::concurrent_pool_by_default>},
            {.name = "millpond concurrent_object_pool",
             .what = "typed; the block size is known at compile time",
             .abilities = any_thread,
             .run = run_shared_patterns<MILLPOND_ABI::concurrent_typed_pool>},
            {.name = "millpond concurrent_pool_resource",
             .what = "the resource over pools by size, told the number of threads, called directly",
             .abilities = any_thread,
             .run = run_shared_patterns<MILLPOND_ABI::concurrent_raw_resource>}};
}

} // namespace millpond::bench
