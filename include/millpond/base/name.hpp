// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The name of a pool: copied, bounded, never allocated, so that a report can print it at any time.

#include "millpond/base/config.hpp"

#include <cstddef>

MILLPOND_NAMESPACE_BEGIN

/// A pool's name, cut to `max_bytes` characters. All zero when empty, so a static pool without a
/// name needs no initial data.
///
/// Units:      at most 31 characters and a terminating zero.
/// Complexity: O(length), at construction only.
/// Errors:     none; a longer name is cut, a null pointer is the empty name.
/// Threads:    immutable after construction.
/// Source:     own.
class pool_name {
public:
    static constexpr std::size_t max_bytes = 31;

    constexpr pool_name() noexcept = default;

    // NOLINTNEXTLINE(google-explicit-constructor): a literal names a pool, `.name = "orders"`
    constexpr pool_name(const char* text) noexcept {
        for (std::size_t i = 0; text != nullptr && text[i] != '\0' && i < max_bytes; ++i) {
            text_[i] = text[i];
        }
    }

    /// The text; "unnamed" for the empty name.
    [[nodiscard]] constexpr const char* c_str() const noexcept {
        return text_[0] == '\0' ? "unnamed" : text_;
    }

private:
    char text_[max_bytes + 1] = {};
};

MILLPOND_NAMESPACE_END
