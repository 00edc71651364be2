// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Asking the C heap to return free memory, whichever heap it is.

namespace millpond::bench {

/// Returns what it can. Before memory is measured everyone does so: what is grown from the heap would
/// else come out of what the preparations left there.
void trim_heap();

} // namespace millpond::bench
