// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Whether a program can be recorded at all. Preloading a library works only in dynamically linked
/// programs of the recorder's own machine and C library that run without raised rights and bring no
/// sanitizer; anything else would leave an empty trace or not run at all, so it is refused in words
/// beforehand.

#include <filesystem>
#include <stdexcept>
#include <string>

namespace millpond::tool {

/// A program that cannot be recorded; `what()` names it and says why.
class program_error : public std::runtime_error {
public:
    using std::runtime_error::runtime_error;
};

/// Returns the file that `program` names, looked up in PATH as a shell would.
///
/// Errors:     `program_error`: not found, not executable, not a program, statically linked, for
///             another machine or C library, built with a sanitizer that has its own heap, or
///             started with raised rights. Of a script, its interpreter counts.
/// Threads:    any.
[[nodiscard]] std::filesystem::path find_recordable_program(const std::string& program);

} // namespace millpond::tool
