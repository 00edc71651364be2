// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// One measurement in a process of its own: how it is started, and what it prints.
///
/// The protocol is text, a line each: `checksum N`, then `figure VALUE NAME`. A worker that dies,
/// takes too long or finds that its preloaded library did not take gives a failure instead.

#include <optional>
#include <string>

#include "contenders/registry.hpp"
#include "task.hpp"

namespace millpond::bench {

/// What came of one worker.
struct answer {
    std::optional<outcome> found; ///< empty: `failure` says why
    std::string failure;
};

/// In the worker: measures and prints. Throws std::exception when it cannot.
void run_worker(const contender& who, const task& asked);

/// In the runner: starts this program again as a worker and waits at most `seconds_max`.
answer ask_worker(const contender& who, const task& asked, int seconds_max);

/// Where the dynamic linker finds a library of that name, or an empty string.
std::string library_path(std::string_view library);

} // namespace millpond::bench
