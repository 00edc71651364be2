// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The patterns about containers on a std::pmr resource: compiled once, so that all of them run the very
/// same instructions, and no compiler knows at which resource a call arrives.

#include <functional>
#include <memory_resource>

#include "task.hpp"

namespace millpond::bench {

/// Through std::pmr::polymorphic_allocator. `trim` gives free memory back, where the resource can.
outcome run_pmr_containers(std::pmr::memory_resource& resource,
                           std::function<void()> trim,
                           const task& asked);

/// A new resource of the kind, with its defaults, which cannot trim.
template <class Resource>
outcome run_pmr_containers_of(const task& asked) {
    Resource resource;
    return run_pmr_containers(
        resource, [] {}, asked);
}

} // namespace millpond::bench
