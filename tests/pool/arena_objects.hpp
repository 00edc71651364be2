// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Objects that tests create in arenas: each notes its number when it is destroyed.

#include <array>
#include <stdexcept>
#include <vector>

namespace millpond::test {

/// The numbers of the objects that were destroyed, in that order.
inline std::vector<int> destroyed;

/// As large as it is told, and aligned so.
template <std::size_t Bytes, std::size_t Alignment>
struct alignas(Alignment) noted {
    explicit noted(int n)
        : number(n) {}

    noted(const noted&) = delete;
    noted& operator=(const noted&) = delete;

    ~noted() { destroyed.push_back(number); }

    int number;
    std::array<char, Bytes> text{};
};

using object = noted<20, 8>;

/// An element of an array, which takes the next number.
struct element {
    static inline int next = 0;
    static inline int throws_at = -1;

    element()
        : number(next) {
        if (next == throws_at) {
            throw std::runtime_error("broken element");
        }
        ++next;
    }

    element(const element&) = delete;
    element& operator=(const element&) = delete;

    ~element() { destroyed.push_back(number); }

    int number;
};

} // namespace millpond::test
