// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A standard allocator over a resource, for containers whose type may name where their memory
/// comes from.
///
///     millpond::pool_resource nodes({.name = "nodes"});
///     std::map<int, order, std::less<>, millpond::pool_allocator<std::pair<const int, order>>> book(&nodes);
///
/// Compared with std::pmr::polymorphic_allocator over the same resource it saves the virtual call,
/// and the compiler knows the size class. Nobody has to know how large a node is: a container
/// rebinds the allocator to its node, and the pool for that size is made with the first one.

#include "millpond/adapt/pool_resource.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/error.hpp"

#include <atomic>
#include <cstddef>
#include <limits>
#include <new>
#include <type_traits>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <class Resource>
inline constinit std::atomic<Resource*> default_resource = nullptr;

} // namespace detail

/// Returns the resource of allocators that are made without one; nullptr if there is none.
///
/// Units:      -
/// Complexity: O(1).
/// Errors:     none.
/// Threads:    any, at any time.
/// Source:     std::pmr::get_default_resource.
template <class Resource = pool_resource>
[[nodiscard]] Resource* get_default_resource() noexcept {
    return detail::default_resource<Resource>.load(
        std::memory_order_acquire); // pairs with the exchange in set_default_resource()
}

/// Sets the resource of all allocators of its type that are made without one from now on, in any
/// thread, and returns the previous one. It must outlive what is allocated from it; nullptr: no
/// resource.
///
/// Units:      -
/// Complexity: O(1).
/// Errors:     none.
/// Threads:    any, at any time. A pool_resource still serves only one thread at a time.
/// Source:     std::pmr::set_default_resource.
template <class Resource>
Resource* set_default_resource(Resource* resource) noexcept {
    return detail::default_resource<Resource>.exchange(
        resource, std::memory_order_acq_rel); // pairs with the load in get_default_resource()
}

/// Allocates from a pool_resource, or from a concurrent_pool_resource where containers change threads.
///
/// A container that is moved or swapped takes its allocator along; one that is copy-assigned to
/// keeps its own resource; a copy uses the resource of the original.
///
/// Units:      objects of type T.
/// Complexity: O(1) for most calls, bounds in instructions in docs/guarantees.md; the first request of a
///             class, growth and what goes upstream cost more.
/// Errors:     `allocate` passes on what the resource throws, and throws std::bad_array_new_length
///             for more objects than fit in memory; freeing anything but a live block stops the
///             program. An allocator made without a resource stops the program unless
///             `set_default_resource` has set one.
/// Threads:    one at a time per pool_resource; any, at any time, with a concurrent_pool_resource.
/// Source:     the standard's allocator requirements.
template <class T, class Resource = pool_resource>
class pool_allocator {
public:
    using value_type = T;
    using propagate_on_container_copy_assignment = std::false_type;
    using propagate_on_container_move_assignment = std::true_type;
    using propagate_on_container_swap = std::true_type;
    using is_always_equal = std::false_type;

    /// Names the allocator for objects of another type on the same kind of resource.
    template <class U>
    struct rebind {
        using other = pool_allocator<U, Resource>;
    };

    /// Uses the resource that `set_default_resource` has set; stops the program if there is none.
    pool_allocator() noexcept
        : resource_(get_default_resource<Resource>()) {
        if (resource_ == nullptr) [[unlikely]] {
            detail::stop_without_resource();
        }
    }

    /// The resource must outlive everything that is allocated from it.
    // NOLINTNEXTLINE(google-explicit-constructor): a container is made as with a std::pmr resource
    pool_allocator(Resource* resource) noexcept
        : resource_(resource) {}

    // NOLINTNEXTLINE(google-explicit-constructor): the standard requires it
    template <class U>
    pool_allocator(const pool_allocator<U, Resource>& other) noexcept
        : resource_(other.resource()) {}

    /// Returns memory for `objects` objects side by side.
    [[nodiscard, gnu::returns_nonnull]] T* allocate(std::size_t objects) {
        if (objects > std::numeric_limits<std::size_t>::max() / sizeof(T)) [[unlikely]] {
            detail::throw_bad_length();
        }
        return static_cast<T*>(resource_->allocate(objects * sizeof(T), alignof(T)));
    }

    /// Takes back memory that was allocated for `objects` objects.
    void deallocate(T* memory, std::size_t objects) noexcept {
        resource_->deallocate(memory, objects * sizeof(T), alignof(T));
    }

    [[nodiscard]] Resource* resource() const noexcept { return resource_; }

private:
    Resource* resource_;
};

/// True when each can free what the other has allocated.
///
/// Units:      -
/// Complexity: O(1).
/// Errors:     none.
/// Threads:    any.
template <class T, class U, class Resource>
[[nodiscard]] bool operator==(const pool_allocator<T, Resource>& a,
                              const pool_allocator<U, Resource>& b) noexcept {
    return a.resource() == b.resource();
}

/// The allocator for containers that one thread fills and another empties.
template <class T>
using concurrent_pool_allocator = pool_allocator<T, class concurrent_pool_resource>;

MILLPOND_NAMESPACE_END
