// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A name for an object of a handle_pool that outlives the object: 64 bits, to copy, compare, hash,
/// store and send. It leads to the object that it was given for, or to nothing, with two exceptions.
///
///     | tag: 8 bits | generation: 56 - n bits | slot: n bits |
///
/// `n` is just enough for the pool's max_capacity, so a small pool has generations for centuries:
/// 46 bits of them for a thousand objects, 24 for four billion. A slot whose generations are used
/// up is never used again, so without `restore` a pool never gives the same handle twice.
///
/// The exceptions, where a handle can be taken for one of another object:
///
/// * Another pool with the same tag. There are 255 tags, which the handle pools of a process, of
///   whatever type, take in turn: the 255th pool made after this one has its tag. Every process
///   begins with the same tag, and a pool that was restored from a snapshot has that snapshot's
///   tag. So use a handle only with its own pool.
/// * `restore` takes the generations of the slots back to those of the snapshot. Handles that the
///   pool gave out after that snapshot will be given again, to other objects: discard them.

#include "millpond/base/config.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>

MILLPOND_NAMESPACE_BEGIN

/// Names an object of a handle_pool<T>; a default-constructed handle names none.
///
/// Units:      64 bits; how they are split is the pool's business.
/// Complexity: O(1); allocates nothing.
/// Errors:     none.
/// Threads:    any number may read it; only one may assign to it, and none may read it then.
/// Source:     own; index and generation in one word are an old practice of game engines.
template <class T>
class handle {
public:
    constexpr handle() noexcept = default;

    /// Returns the handle with this value, whatever it is: a pool finds nothing for one that it
    /// never gave out.
    [[nodiscard]] static constexpr handle from_value(std::uint64_t value) noexcept {
        handle made;
        made.value_ = value;
        return made;
    }

    [[nodiscard]] constexpr std::uint64_t value() const noexcept { return value_; }

    /// False for the null handle only. A stale handle is still true: ask its pool.
    [[nodiscard]] explicit constexpr operator bool() const noexcept { return value_ != 0; }

    [[nodiscard]] friend constexpr bool operator==(handle, handle) noexcept = default;

    [[nodiscard]] friend constexpr std::strong_ordering operator<=>(handle a, handle b) noexcept {
        return a.value_ <=> b.value_;
    }

private:
    std::uint64_t value_ = 0;
};

static_assert(sizeof(handle<void>) == 8 && std::is_trivially_copyable_v<handle<void>> &&
                  std::is_standard_layout_v<handle<void>>,
              "a handle goes into registers, files and messages as it is");

namespace detail {

/// Every bit of the result depends on every bit of the value: two multiplications and three shifts,
/// each of which can be undone, so different values stay different.
constexpr std::uint64_t mixed(std::uint64_t value) noexcept {
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93U;
    value ^= value >> 32;
    value *= 0xd6e8feb86659fd93U;
    return value ^ value >> 32;
}

} // namespace detail

MILLPOND_NAMESPACE_END

/// Mixes all bits, because those of the slot are few and dense.
template <class T>
struct std::hash<millpond::handle<T>> {
    [[nodiscard]] std::size_t operator()(millpond::handle<T> named) const noexcept {
        return static_cast<std::size_t>(millpond::detail::mixed(named.value()));
    }
};
