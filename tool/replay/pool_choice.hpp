// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which sizes get a pool: the ones that serve most operations, as somebody does who sizes pools from a
/// profile of the program.
///
/// Sizes up to 1024 bytes are rounded to multiples of 16. Taken in order of operations until 99 % of all
/// heap operations are covered (or the sizes run out), each with the peak of live blocks as its capacity.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "replay/plan.hpp"

namespace millpond::tool::replay {

inline constexpr std::uint64_t pool_step_bytes = 16;
inline constexpr std::uint64_t pooled_bytes_max = 1024;
inline constexpr std::size_t size_classes = pooled_bytes_max / pool_step_bytes;
inline constexpr double wanted_coverage = 0.99;

static_assert(size_classes <= max_pools, "every class could get a pool");

/// The class of a size, `from_heap` when it is too large or too strictly aligned for a pool.
[[nodiscard]] constexpr std::uint16_t class_of(std::uint64_t size_bytes,
                                               std::uint64_t alignment_bytes) noexcept {
    if (size_bytes > pooled_bytes_max || alignment_bytes > pool_step_bytes) {
        return from_heap;
    }
    const std::uint64_t size = size_bytes == 0 ? 1 : size_bytes;
    return static_cast<std::uint16_t>((size - 1) / pool_step_bytes);
}

/// What the program did with one class.
struct class_use {
    std::uint64_t operations = 0; ///< a realloc counts where it comes from and where it goes
    std::uint64_t live = 0;
    std::uint64_t peak_live = 0;
};

using class_table = std::array<class_use, size_classes>;

struct pool_choice {
    std::vector<pool_spec> pools;                          ///< most operations first
    std::array<std::uint16_t, size_classes> pool_of_class; ///< index into `pools` or `from_heap`
    std::uint64_t covered_operations = 0; ///< in the unit of `class_use::operations`
};

/// Chooses. `all_operations` counts the classes' operations and those of everything larger.
[[nodiscard]] pool_choice choose_pools(const class_table& classes, std::uint64_t all_operations);

} // namespace millpond::tool::replay
