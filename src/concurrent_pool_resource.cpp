// SPDX-License-Identifier: MIT
/// \file
/// The parts of concurrent_pool_resource that are not on the hot path.

#include "millpond/base/config.hpp"

#if MILLPOND_HAS_MEMORY_RESOURCE

#    include "millpond/adapt/concurrent_pool_resource.hpp"

MILLPOND_NAMESPACE_BEGIN

template class detail::resource_core<detail::resource_of_any_thread>;

concurrent_pool_resource::concurrent_pool_resource(const pool_resource_options& options,
                                                   std::pmr::memory_resource* upstream)
    : core_(options, upstream) {}

// Here, so that the class's table of virtual functions is in one place.
concurrent_pool_resource::~concurrent_pool_resource() = default;

MILLPOND_NAMESPACE_END

#endif
