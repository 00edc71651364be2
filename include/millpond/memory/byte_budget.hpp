// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A number of bytes that several pools may take together.

#include "millpond/base/config.hpp"

#include <cstddef>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Keeps count; its owner makes sure that only one thread at a time uses it.
class byte_budget {
public:
    /// 0 means no limit.
    explicit byte_budget(std::size_t limit_bytes) noexcept
        : limit_(limit_bytes == 0 ? ~std::size_t{0} : limit_bytes) {}

    /// Takes room for as many of the `wanted` units as fit, and returns how many.
    [[nodiscard]] std::size_t take(std::size_t wanted, std::size_t unit_bytes) noexcept {
        const std::size_t affordable = (limit_ - used_) / unit_bytes;
        const std::size_t units = wanted < affordable ? wanted : affordable;
        used_ += units * unit_bytes;
        return units;
    }

    [[nodiscard]] bool has_room(std::size_t bytes) const noexcept {
        return bytes <= limit_ - used_;
    }

    void give_back(std::size_t units, std::size_t unit_bytes) noexcept {
        used_ -= units * unit_bytes;
    }

    [[nodiscard]] std::size_t used() const noexcept { return used_; }

private:
    std::size_t limit_;
    std::size_t used_ = 0; ///< used_ <= limit_
};

} // namespace detail

MILLPOND_NAMESPACE_END
