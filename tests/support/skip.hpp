// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// How a test case says that it cannot run here: CTest then shows it as skipped, not as passed.

namespace millpond::test {

/// Prints `skipped: reason` and lets the running case end without an assertion. The case returns
/// after the call. A failure elsewhere in the run still counts.
void skip(const char* reason);

} // namespace millpond::test
