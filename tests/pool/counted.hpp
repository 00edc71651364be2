// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Objects that count how many of them there are, and the control blocks of a pool's shared owners.

#include <cstddef>

namespace millpond::test {

/// Counts the objects that are alive.
struct counted {
    static inline int alive = 0;

    explicit counted(int number = 0)
        : value(number) {
        ++alive;
    }

    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;

    ~counted() { --alive; }

    int value;
};

/// Control blocks that a shared owner or a weak pointer holds.
template <class Pool>
std::size_t live_controls(const Pool& pool) {
    return pool.shared_stats().live;
}

} // namespace millpond::test
