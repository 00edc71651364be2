// SPDX-License-Identifier: MIT
/// \file
/// The loops of the patterns about containers, for every std::pmr resource.

#include "contenders/pmr_containers.hpp"

#include <cstddef>
#include <utility>

#include "contenders/run_container_patterns.hpp"

namespace millpond::bench {

namespace {

class pmr_source {
public:
    using allocator_type = std::pmr::polymorphic_allocator<std::byte>;

    pmr_source(std::pmr::memory_resource& resource, std::function<void()> trim)
        : resource_(&resource)
        , trim_(std::move(trim)) {}

    [[nodiscard]] allocator_type allocator() const { return resource_; }

    void trim() { trim_(); }

private:
    std::pmr::memory_resource* resource_;
    std::function<void()> trim_;
};

} // namespace

outcome run_pmr_containers(std::pmr::memory_resource& resource,
                           std::function<void()> trim,
                           const task& asked) {
    pmr_source source(resource, std::move(trim));
    return run_containers(source, asked);
}

} // namespace millpond::bench
