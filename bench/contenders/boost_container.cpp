// SPDX-License-Identifier: MIT
/// \file
/// Boost.Container's pool resources, with their default options.

#include <cstddef>

#include "contenders/registry.hpp"
#include "contenders/run_container_patterns.hpp"
#include <boost/container/pmr/synchronized_pool_resource.hpp>
#include <boost/container/pmr/unsynchronized_pool_resource.hpp>

namespace millpond::bench {

namespace {

/// Its resources are none of the standard's, so they take an allocator of their own: what
/// polymorphic_allocator does, a virtual call.
template <class T>
class boost_allocator {
public:
    using value_type = T;

    explicit boost_allocator(boost::container::pmr::memory_resource& resource)
        : resource_(&resource) {}

    template <class U>
    boost_allocator(const boost_allocator<U>& other) // NOLINT(google-explicit-constructor)
        : resource_(other.resource()) {}

    T* allocate(std::size_t objects) {
        return static_cast<T*>(resource_->allocate(objects * sizeof(T), alignof(T)));
    }

    void deallocate(T* memory, std::size_t objects) {
        resource_->deallocate(memory, objects * sizeof(T), alignof(T));
    }

    [[nodiscard]] boost::container::pmr::memory_resource* resource() const { return resource_; }

    friend bool operator==(const boost_allocator& a, const boost_allocator& b) {
        return a.resource_ == b.resource_;
    }

private:
    boost::container::pmr::memory_resource* resource_;
};

class boost_source {
public:
    using allocator_type = boost_allocator<std::byte>;

    explicit boost_source(boost::container::pmr::memory_resource& resource)
        : resource_(resource) {}

    [[nodiscard]] allocator_type allocator() const { return allocator_type(resource_); }

private:
    boost::container::pmr::memory_resource& resource_;
};

template <class Resource>
outcome run_boost_containers(const task& asked) {
    Resource resource;
    boost_source source(resource);
    return run_containers(source, asked);
}

constexpr std::string_view package = "libboost-container1.74-dev";

} // namespace

std::vector<contender> boost_container_contenders() {
    return {{.name = "Boost.Container unsynchronized",
             .what = "its pmr::unsynchronized_pool_resource, default options, a virtual call",
             .abilities = in_containers,
             .run = run_boost_containers<boost::container::pmr::unsynchronized_pool_resource>,
             .package = package},
            {.name = "Boost.Container synchronized",
             .what = "its pmr::synchronized_pool_resource, default options, a virtual call",
             .abilities = in_containers,
             .run = run_boost_containers<boost::container::pmr::synchronized_pool_resource>,
             .package = package}};
}

} // namespace millpond::bench
