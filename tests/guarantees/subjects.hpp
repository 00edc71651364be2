// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Scenarios that are compiled in files of their own, so that what the compiler inlines in one pool's
/// functions does not depend on the others.

namespace millpond::guarantees {

/// Concurrent pools of raw blocks and of objects, and recycling pools.
void concurrent_pool_scenarios();

/// Resources: blocks of several sizes, and growth.
void resource_instruction_scenarios();
void resource_growth_scenarios();

} // namespace millpond::guarantees
