// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The resources that the standard's wording is tried on: the library's, and those of the C++ library,
/// which show that the cases ask for no more than the standard does.

#include "millpond/adapt/concurrent_pool_resource.hpp"
#include "millpond/adapt/pool_resource.hpp"

#include <cstddef>
#include <memory_resource>
#include <type_traits>

namespace millpond::test {

/// The two of the library.
template <class Resource>
inline constexpr bool is_ours =
    std::is_same_v<Resource, pool_resource> || std::is_same_v<Resource, concurrent_pool_resource>;

/// One with the options that the standard has.
template <class Resource>
Resource make(const std::pmr::pool_options& options, std::pmr::memory_resource* upstream) {
    return Resource(options, upstream);
}

/// True where every alignment is honoured. The C++ library's resources round a request up to a size that
/// need not be a multiple of its alignment: 40 bytes aligned to 32 come from a pool of 48 (GCC bug 118681).
template <class Resource>
bool honours(std::size_t bytes, std::size_t alignment) {
    return is_ours<Resource> || bytes % alignment == 0;
}

/// What is wrong with a resource of the library; of others nothing is known.
template <class Resource>
const char* fault_inside(Resource& resource) {
    if constexpr (is_ours<Resource>) {
        const verdict found = resource.verify();
        return found ? "" : found.fault;
    } else {
        return "";
    }
}

} // namespace millpond::test

#define MILLPOND_TEST_RESOURCES                                                                    \
    std::pmr::unsynchronized_pool_resource, std::pmr::synchronized_pool_resource,                  \
        millpond::pool_resource, millpond::concurrent_pool_resource
