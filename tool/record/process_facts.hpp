// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the system tells about processes that are not, or not only, the recorder's own children.

#include <cstdint>
#include <string>
#include <vector>

#include <sys/types.h>

namespace millpond::tool {

/// A process that outlived the program.
struct left_process {
    std::uint32_t pid = 0;
    std::string name;
};

/// How a process that has ended did so, as waitpid tells it; `unknown_wait_status` when the system
/// does not say: of another's child only a new kernel does, or any while nobody has waited for it.
[[nodiscard]] std::int64_t wait_status_of(std::uint32_t pid, int descriptor);

/// Live processes other than this one that have mapped the recorder's memory, by its inode. O(processes of the system).
[[nodiscard]] std::vector<left_process> processes_that_map(std::uint64_t inode);

} // namespace millpond::tool
