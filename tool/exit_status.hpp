// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// How a stage ends the command with a status other than 0 or an error.

namespace millpond::tool {

/// Thrown by a stage, caught by `main`, which returns `value`. Not an error: nothing is printed.
struct exit_status {
    int value;
};

} // namespace millpond::tool
