// SPDX-License-Identifier: MIT
/// \file
/// The parts of pool_resource that are not on the hot path.

#include "millpond/base/config.hpp"

#if MILLPOND_HAS_MEMORY_RESOURCE

#    include "millpond/adapt/pool_resource.hpp"

MILLPOND_NAMESPACE_BEGIN

template class detail::resource_core<detail::resource_of_one_thread>;

pool_resource::pool_resource(const pool_resource_options& options,
                             std::pmr::memory_resource* upstream)
    : core_(options, upstream) {}

// Here, so that the class's table of virtual functions is in one place.
pool_resource::~pool_resource() = default;

void pool_resource::reserve(std::size_t blocks, std::size_t bytes, std::size_t alignment) {
    bool has_room = true;
    core_.with_pool_for(bytes, alignment, [&](auto& pool) {
        has_room = blocks <= pool.live() || pool.can_allocate(blocks - pool.live());
    });
    if (!has_room) {
        core_.throw_over_limit();
    }
}

MILLPOND_NAMESPACE_END

#endif
