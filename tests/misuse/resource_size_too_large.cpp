// SPDX-License-Identifier: MIT
/// \file
/// A size by hand above 64 KiB is refused: such blocks come from the upstream.
//
// class: options that a resource does not have
// pools: pool_resource concurrent_pool_resource
// ends:  exit 0
// says:  millpond: pool 'victim': block_sizes is 70000, must be at most 65536

#include "resources.hpp"

namespace {

constexpr std::array<std::size_t, 2> sizes{64, 70'000};

} // namespace

MISUSE_BY_OPTIONS_OF_A_RESOURCE(.name = "victim", .block_sizes = sizes)
