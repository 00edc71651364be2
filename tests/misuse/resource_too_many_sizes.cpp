// SPDX-License-Identifier: MIT
/// \file
/// More sizes by hand than there are classes are refused.
//
// class: options that a resource does not have
// pools: pool_resource concurrent_pool_resource
// ends:  exit 0
// says:  millpond: pool 'victim': block_sizes.size() is 97, must be at most 96

#include "resources.hpp"

namespace {

constexpr std::array<std::size_t, 97> sizes{};

} // namespace

MISUSE_BY_OPTIONS_OF_A_RESOURCE(.name = "victim", .block_sizes = sizes)
