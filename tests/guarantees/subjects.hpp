// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Scenarios that are compiled in files of their own, so that what the compiler inlines in one pool's
/// functions does not depend on the others.

namespace millpond::guarantees {

/// Concurrent pools of raw blocks and of objects, and recycling pools.
void concurrent_pool_scenarios();

/// Shared owners of objects of a pool for one thread and of a concurrent one.
void shared_owner_scenarios();

/// Arenas and frames.
void arena_scenarios();

/// Objects behind handles.
void handle_pool_scenarios();

/// Resources: blocks of several sizes, and growth.
void resource_instruction_scenarios();
void resource_growth_scenarios();

} // namespace millpond::guarantees
