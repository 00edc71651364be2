// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The record that an arena keeps, right before the object, of an object whose destructor is to
/// run:
///
///     ... | link, destroy        | object            | ...
///     ... | link, destroy, count | first element ... | ...
///
/// Links lead from the newest record to the oldest. A write past the end of what lies below can
/// reach a record, and hits its link first; links are sealed, so the arena notices.

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/instrument.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// An offset into an arena, multiplied so that a change to any of its bytes changes nearly all bits
/// of what is decoded: then it is no offset into the arena, except for one change in 2^64 /
/// (arena's size / 8).
class sealed_offset {
public:
    /// Not a multiple of a record's alignment.
    static constexpr std::uint64_t none = 1;

    explicit constexpr sealed_offset(std::uint64_t offset) noexcept
        : bits_((offset ^ factor) * factor) {}

    [[nodiscard]] constexpr std::uint64_t offset() const noexcept {
        return (bits_ * inverse_of_odd(factor)) ^ factor;
    }

private:
    static constexpr std::uint64_t factor =
        0x9e37'79b9'7f4a'7c15; // any odd number without a pattern

    std::uint64_t bits_;
};

/// The record of one object.
struct alignas(8) arena_record {
    using action = void (*)(arena_record*) noexcept;

    sealed_offset previous; ///< of the next older record, from the arena's first byte
    action destroy;         ///< calls the destructor
};

/// The record of an array.
struct arena_array_record : arena_record {
    std::size_t count;
};

// With 32-bit pointers the count lies where the record of one object has padding.
static_assert(sizeof(arena_record) == 16 && sizeof(arena_array_record) % 8 == 0,
              "a record that ends where an object begins is aligned if the object is");

/// Calls the destructor of the object behind a record.
template <class T>
void destroy_recorded(arena_record* record) noexcept {
    std::destroy_at(std::launder(reinterpret_cast<T*>(record + 1)));
}

/// Calls the destructors of the array behind a record: the last element first, as for every array.
template <class T>
void destroy_recorded_array(arena_record* record) noexcept {
    auto* const array = static_cast<arena_array_record*>(record);
    unpoison_as_it_was(&array->count, sizeof array->count);
    T* const first = std::launder(reinterpret_cast<T*>(array + 1));
    for (std::size_t left = array->count; left != 0; --left) {
        std::destroy_at(first + (left - 1));
    }
}

} // namespace detail

MILLPOND_NAMESPACE_END
