// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A file that appears whole or not at all. It is opened before the work that fills it, so that minutes of
/// measuring are not lost to a folder that cannot be written; until `commit` an older file stays.

#include <filesystem>
#include <string>
#include <string_view>

namespace millpond::tool::replay {

class output_file {
public:
    /// "-" is standard output. Throws std::system_error that names the file.
    explicit output_file(std::string name);
    output_file(const output_file&) = delete;
    output_file& operator=(const output_file&) = delete;
    ~output_file(); ///< without `commit`: leaves no trace

    [[nodiscard]] bool standard_output() const noexcept { return name_ == "-"; }

    /// Writes all of `text` and gives the file its name. Throws std::system_error.
    void commit(std::string_view text);

private:
    [[noreturn]] void fail(const char* what, int error) const;

    std::string name_;
    std::string temporary_;
    int descriptor_ = -1;
};

} // namespace millpond::tool::replay
