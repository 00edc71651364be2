// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Making an object in a block, and giving the block back when its constructor throws.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Aligned for T, and to a cache line where objects are whole lines.
template <class T>
inline constexpr std::size_t object_alignment = alignof(T) > natural_alignment(sizeof(T))
                                                    ? alignof(T)
                                                    : natural_alignment(sizeof(T));

/// Constructs with parentheses where T has a constructor for the arguments, else with braces, so that
/// aggregates work on compilers without parenthesised aggregate initialisation.
template <class T, class... Arguments>
inline constexpr bool constructs_nothrow = std::is_nothrow_constructible_v<T, Arguments...>;

template <class T, class... Arguments>
requires(!std::is_constructible_v<T, Arguments...>) inline constexpr bool constructs_nothrow<
    T,
    Arguments...> = noexcept(T{std::declval<Arguments>()...});

template <class T, class... Arguments>
T* construct_object(void* block,
                    Arguments&&... arguments) noexcept(constructs_nothrow<T, Arguments...>) {
    if constexpr (std::is_constructible_v<T, Arguments...>) {
        return std::construct_at(static_cast<T*>(block), std::forward<Arguments>(arguments)...);
    } else {
        return ::new (block) T{std::forward<Arguments>(arguments)...};
    }
}

/// Frees the block when a constructor throws; a destructor, so that it works with and without
/// exceptions.
template <class Source>
class return_on_throw {
public:
    return_on_throw(Source& owner, void* memory) noexcept
        : source_(&owner)
        , block_(memory) {}

    return_on_throw(const return_on_throw&) = delete;
    return_on_throw& operator=(const return_on_throw&) = delete;

    ~return_on_throw() {
        if (source_ != nullptr) {
            source_->deallocate(block_);
        }
    }

    void keep() noexcept { source_ = nullptr; }

private:
    Source* source_;
    void* block_;
};

/// Constructs an object in a block of `source`; when that throws, the block is free again.
template <class T, class Source, class... Arguments>
[[nodiscard]] T* construct_in(Source& source, void* block, Arguments&&... arguments) noexcept(
    constructs_nothrow<T, Arguments...>) {
    if constexpr (constructs_nothrow<T, Arguments...>) {
        return construct_object<T>(block, std::forward<Arguments>(arguments)...);
    } else {
        return_on_throw<Source> guard(source, block);
        T* const object = construct_object<T>(block, std::forward<Arguments>(arguments)...);
        guard.keep();
        return object;
    }
}

/// What a pool's objects may be: each assertion names one kind of type that is refused, and what to
/// use instead. The type may be incomplete.
template <class T>
struct pooled_type {
    static_assert(!std::is_void_v<T>,
                  "void is not a type of objects: for raw memory take a block pool, or an arena");
    static_assert(!std::is_reference_v<T>,
                  "a pool holds objects, not references: leave out the &, or pool pointers");
    static_assert(!std::is_function_v<T>,
                  "a pool holds objects, not functions: pool pointers to them");
    static_assert(!std::is_array_v<T>,
                  "a pool holds single objects, not arrays: pool a struct that contains the array "
                  "(an arena has make_array)");
    static_assert(
        !std::is_const_v<T> || std::is_array_v<T>,
        "a pool constructs and destroys its objects, so their type is not const: leave out "
        "the const, and hand out const T* or const T&");
    static_assert(
        !std::is_volatile_v<T> || std::is_array_v<T>,
        "a pool's type is not volatile: leave out the volatile, and hand out volatile T*");
    static constexpr bool holds = true;
};

/// Always true: where it is false, pooled_type has said why.
template <class T>
inline constexpr bool poolable = pooled_type<T>::holds;

} // namespace detail

MILLPOND_NAMESPACE_END
