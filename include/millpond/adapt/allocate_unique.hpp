// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A unique owner of an object in memory of any standard allocator: to std::make_unique what
/// std::allocate_shared is to std::make_shared.
///
///     std::pmr::polymorphic_allocator<> memory(&resource);
///     auto parser = millpond::allocate_unique<json_parser>(memory, options);
///
/// With an empty allocator, such as std::allocator, the owner is as large as a pointer.

#include "millpond/base/config.hpp"

#include <memory>
#include <type_traits>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

/// Destroys one object and gives its memory back to a copy of the allocator that it came from. Made by
/// `allocate_unique`.
///
/// Units:      one object of the allocator's value_type.
/// Complexity: that of the destructor and of the allocator's `deallocate`.
/// Errors:     none; a destructor that throws ends the program.
/// Threads:    one at a time per allocator and what it allocates from, unless those allow more.
/// Source:     WG21 P0211 (Köppe 2017); Boost.SmartPtr has the same.
template <class Allocator>
class allocation_deleter {
    using traits = std::allocator_traits<Allocator>;

public:
    using pointer = typename traits::pointer;
    static_assert(std::is_same_v<pointer, typename traits::value_type*>,
                  "the allocator's pointers must be plain ones");

    explicit allocation_deleter(const Allocator& allocator) noexcept
        : allocator_(allocator) {}

    /// Destroys the object and deallocates. The object has the type that was asked for; the pointer
    /// is to no base of it.
    void operator()(pointer object) noexcept {
        traits::destroy(allocator_, object);
        traits::deallocate(allocator_, object, 1);
    }

    [[nodiscard]] const Allocator& get_allocator() const noexcept { return allocator_; }

private:
    [[no_unique_address]] Allocator allocator_;
};

namespace detail {

template <class T, class Allocator>
using allocator_for = typename std::allocator_traits<Allocator>::template rebind_alloc<T>;

/// Gives memory back unless the object in it has been constructed.
template <class Allocator>
class allocation_guard {
    using traits = std::allocator_traits<Allocator>;

public:
    explicit allocation_guard(Allocator& allocator)
        : allocator_(allocator)
        , memory_(traits::allocate(allocator, 1)) {}

    allocation_guard(const allocation_guard&) = delete;
    allocation_guard& operator=(const allocation_guard&) = delete;

    ~allocation_guard() {
        if (memory_ != nullptr) {
            traits::deallocate(allocator_, memory_, 1);
        }
    }

    [[nodiscard]] typename traits::pointer get() const noexcept { return memory_; }

    [[nodiscard]] typename traits::pointer release() noexcept {
        return std::exchange(memory_, nullptr);
    }

private:
    Allocator& allocator_;
    typename traits::pointer memory_;
};

} // namespace detail

/// Constructs a T from the arguments in memory of the allocator, rebound to T, and returns its
/// owner. The owner does not convert to an owner of a base of T; arrays and fancy pointers do not
/// compile.
///
/// Units:      one object.
/// Complexity: that of the allocator's `allocate` and `construct`.
/// Errors:     passes on what they throw; if the constructor throws, the memory goes back to the
///             allocator.
/// Threads:    one at a time per allocator and what it allocates from, unless those allow more.
template <class T, class Allocator, class... Arguments>

requires(std::is_object_v<T> && !std::is_array_v<T> && !std::is_const_v<T> &&
         !std::is_volatile_v<T>) [[nodiscard]] std::
    unique_ptr<T, allocation_deleter<detail::allocator_for<T, Allocator>>> allocate_unique(
        const Allocator& allocator, Arguments&&... arguments) {
    using rebound = detail::allocator_for<T, Allocator>;
    using deleter = allocation_deleter<rebound>;
    rebound own(allocator);
    detail::allocation_guard<rebound> memory(own);
    std::allocator_traits<rebound>::construct(
        own, memory.get(), std::forward<Arguments>(arguments)...);
    return std::unique_ptr<T, deleter>(memory.release(), deleter(own));
}

MILLPOND_NAMESPACE_END
