// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The out-of-band byte that every block has.

#include "millpond/base/config.hpp"

#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// What a pool knows of one block. An enum of its own, not a character type, so that writing one
/// does not make the compiler reload every member that it might alias.
enum class block_state : std::uint8_t {
    never = 0, ///< never handed out since construction or `clear`
    live = 1,  ///< the caller's
    freed = 2, ///< handed out once, free now
    swept =
        4, ///< destroyed by `clear` or the pool's end, or about to be: to destroy it again does nothing
};

} // namespace detail

MILLPOND_NAMESPACE_END
