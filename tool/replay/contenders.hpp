// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Who takes part: the allocators that are known by name, and any other by the path of its library.

#include <filesystem>
#include <string>
#include <vector>

namespace millpond::tool::replay {

/// One allocator, as it is started.
struct contender {
    std::string name;
    std::string preload;        ///< what LD_PRELOAD is set to; empty: the C library's own malloc
    std::string heap;           ///< the player's heap: libc, pools, resource or scratch
    std::string malloc_file;    ///< where malloc really came from when it was tried out
    std::string malloc_version; ///< as it states it itself; empty when it does not
};

/// The contenders that will play, and those that cannot.
struct line_up {
    std::vector<contender> present;
    std::vector<std::string> missing; ///< known, but not installed here
};

/// The names that `--with` knows, in the order in which they are shown.
[[nodiscard]] const std::vector<std::string>& known_contenders();

/// What a known name stands for; used where a test needs one contender.
[[nodiscard]] contender contender_named(const std::string& name);

/// Resolves names (empty: all known ones). `name=FILE` takes any allocator's shared library.
///
/// Every library is tried out in a player, so that only those take part that the dynamic linker finds
/// and that really provide malloc there.
///
/// Errors: std::invalid_argument for an unknown or repeated name (lists the known ones) and for a FILE
///         that cannot be preloaded; std::runtime_error when the player itself cannot be started.
[[nodiscard]] line_up find_contenders(const std::vector<std::string>& wanted,
                                      const std::filesystem::path& player);

/// Where millpond-player lies: beside the running program or, installed, in lib/millpond.
/// Throws std::runtime_error that names the places looked at.
[[nodiscard]] std::filesystem::path find_player();

} // namespace millpond::tool::replay
