// SPDX-License-Identifier: MIT
/// \file
/// Millpond with the checks compiled out, to show what they cost.

#include "contenders/millpond_pools.hpp"
#include "contenders/registry.hpp"

namespace millpond::bench {

std::vector<contender> millpond_unchecked_contenders() {
    static_assert(!checked_build, "this file is about the unchecked level");
    return {{.name = "millpond unchecked",
             .what = "block_pool of the unchecked level; what the checks cost",
             .abilities = raw_blocks | starts_sized | prefaults | grows,
             .run = run_patterns<MILLPOND_ABI::raw_pool>}};
}

} // namespace millpond::bench
