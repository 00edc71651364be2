// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How a contender is made when the pattern asks for more than room for so many blocks.

#include <cstddef>

namespace millpond::bench {

/// Starts as small as the library's default and grows to so many blocks.
struct growing {
    std::size_t most_blocks;
};

/// Room for so many blocks, with every page touched before the constructor returns.
struct prefaulted {
    std::size_t blocks;
};

} // namespace millpond::bench
