// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How a contender is made when the pattern asks for more than room for so many blocks, and how a
/// thread gets at one that several threads share.

#include <concepts>
#include <cstddef>

#include "task.hpp"

namespace millpond::bench {

/// Starts as small as the library's default and grows to so many blocks.
struct growing {
    std::size_t most_blocks;
};

/// Room for so many blocks, with every page touched before the constructor returns.
struct prefaulted {
    std::size_t blocks;
};

/// Room for so many blocks live at once, whichever of so many threads holds them.
struct shared {
    std::size_t blocks;
    std::size_t threads;
};

/// Twice what the pattern's threads hold together: a pool in use is neither empty nor full.
inline shared room_for(const task& asked) {
    return {2 * asked.threads * asked.blocks, asked.threads};
}

/// A contender for several threads, told how many where it can be.
template <class Pool>
Pool made_for(shared size) {
    if constexpr (std::constructible_from<Pool, shared>) {
        return Pool(size);
    } else {
        return Pool(size.blocks);
    }
}

/// What the calling thread allocates from and frees to: the contender's `local()`, made and
/// destroyed by that thread, or the contender itself.
template <class Pool>
decltype(auto) view_of(Pool& pool) {
    if constexpr (requires { pool.local(); }) {
        return pool.local();
    } else {
        return (pool);
    }
}

} // namespace millpond::bench
