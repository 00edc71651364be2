// SPDX-License-Identifier: MIT
/// \file
/// Millpond as users get it: every free checked.

#include "contenders/millpond_pools.hpp"
#include "contenders/millpond_resources.hpp"
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
             .run = run_apart<one_per_thread<MILLPOND_ABI::raw_pool<large_pattern_block_bytes>>>},
            {.name = "millpond pool_resource",
             .what = "allocate and deallocate of the resource over pools by size, called directly",
             .abilities = raw_blocks | starts_sized | grows,
             .run = run_patterns<MILLPOND_ABI::raw_resource>}};
}

std::vector<contender> millpond_container_contenders() {
    using std::pmr::new_delete_resource;
    return {{.name = "millpond pool_allocator",
             .what = "pool_resource through pool_allocator: no virtual call",
             .abilities = in_containers,
             .run = run_containers_of<MILLPOND_ABI::pool_allocator_source>},
            {.name = "millpond pmr",
             .what = "pool_resource through std::pmr::polymorphic_allocator",
             .abilities = in_containers,
             .run = MILLPOND_ABI::run_by_pmr<pool_resource>},
            {.name = "millpond pmr, chunks",
             .what = "the same over std::pmr::new_delete_resource(), from which it takes chunks",
             .abilities = in_containers,
             .run =
                 [](const task& asked) {
                     return MILLPOND_ABI::run_by_pmr<pool_resource>(asked, new_delete_resource());
                 }},
            {.name = "millpond pmr, concurrent",
             .what = "concurrent_pool_resource through std::pmr::polymorphic_allocator",
             .abilities = in_containers,
             .run = MILLPOND_ABI::run_by_pmr<concurrent_pool_resource>}};
}

} // namespace millpond::bench
