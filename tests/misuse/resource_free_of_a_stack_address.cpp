// SPDX-License-Identifier: MIT
/// \file
/// An address on the stack, freed as a size that the resource has no pool for, stops the program.
//
// class: free of a stack address
// pools: pool_resource concurrent_pool_resource pool_resource_over_upstream concurrent_pool_resource_over_upstream
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: not a block of this pool

#include "resources.hpp"

MISUSE_OF_A_RESOURCE({
    alignas(16) std::array<std::byte, 64> on_stack{};
    misuse::note("block", on_stack.data());
    it.give(misuse::opaque(on_stack.data()), 64);
})
