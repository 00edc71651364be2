// SPDX-License-Identifier: MIT
/// \file
/// A size by hand of zero is refused.
//
// class: options that a resource does not have
// pools: pool_resource concurrent_pool_resource
// ends:  exit 0
// says:  millpond: pool 'victim': block_sizes is 0, must ascend; it is at least 1

#include "resources.hpp"

namespace {

constexpr std::array<std::size_t, 2> sizes{0, 64};

} // namespace

MISUSE_BY_OPTIONS_OF_A_RESOURCE(.name = "victim", .block_sizes = sizes)
