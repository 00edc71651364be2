// SPDX-License-Identifier: MIT
/// \file
/// Sizes by hand that do not ascend are refused with the first that does not.
//
// class: options that a resource does not have
// pools: pool_resource concurrent_pool_resource
// ends:  exit 0
// says:  millpond: pool 'victim': block_sizes is 24, must ascend; it is at least 64

#include "resources.hpp"

namespace {

constexpr std::array<std::size_t, 3> sizes{8, 64, 24};

} // namespace

MISUSE_BY_OPTIONS_OF_A_RESOURCE(.name = "victim", .block_sizes = sizes)
