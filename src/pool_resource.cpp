// SPDX-License-Identifier: MIT
/// \file
/// The parts of pool_resource that are not on the hot path.

#include "millpond/base/config.hpp"

#if MILLPOND_HAS_MEMORY_RESOURCE

#    include "millpond/adapt/pool_resource.hpp"

#    include <cstdint>

MILLPOND_NAMESPACE_BEGIN

template class detail::resource_core<detail::resource_of_one_thread>;

pool_resource::pool_resource(const pool_resource_options& options,
                             std::pmr::memory_resource* upstream)
    : core_(options, upstream) {}

// Here, so that the class's table of virtual functions is in one place.
pool_resource::~pool_resource() = default;

MILLPOND_NAMESPACE_END

#endif
