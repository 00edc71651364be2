// SPDX-License-Identifier: MIT
/// \file
/// Millpond's resources as users get them. In a file of their own: what else a file instantiates changes
/// which calls the compiler inlines, and the pools' loops took 8 % more instructions beside these.

#include "contenders/millpond_resources.hpp"

#include <memory_resource>

#include "contenders/registry.hpp"
#include "contenders/run_patterns.hpp"

namespace millpond::bench {

std::vector<contender> millpond_resource_contenders() {
    using std::pmr::new_delete_resource;
    static_assert(checked_build, "this file is about the default level");
    return {{.name = "millpond pool_resource",
             .what = "allocate and deallocate of the resource over pools by size, called directly",
             .abilities = raw_blocks | starts_sized | grows,
             .run = run_patterns<MILLPOND_ABI::raw_resource>},
            {.name = "millpond pool_allocator",
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
