// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Requests of all kinds, so that every path of a resource is taken.

#include <array>
#include <cstddef>

namespace millpond::test {

struct shape {
    std::size_t bytes;
    std::size_t alignment;
};

/// Small and large, of pools and from upstream, several of each so that pools grow more than once.
inline constexpr std::array<shape, 12> shapes{{{8, 8},
                                               {64, 64},
                                               {100, 4},
                                               {1000, 8},
                                               {1024, 16},
                                               {5000, 8},
                                               {4096, 4096},
                                               {70'000, 16},
                                               {100'000, 64},
                                               {48, 16},
                                               {0, 1},
                                               {100'000, 32'768}}};

template <class Blocks>
void take_some_of_each(Blocks& blocks, int times) {
    for (int i = 0; i < times; ++i) {
        for (const shape& one : shapes) {
            blocks.take(one.bytes, one.alignment);
        }
    }
}

} // namespace millpond::test
