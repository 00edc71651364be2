// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A progress bar on standard error, when that is a terminal; nothing otherwise.

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace millpond::tool::replay {

class progress {
public:
    progress();
    progress(const progress&) = delete;
    progress& operator=(const progress&) = delete;
    ~progress(); ///< wipes the bar

    /// Shows `done` of `all`; cheap enough for a loop, because it draws ten times a second at most.
    void show(std::uint64_t done, std::uint64_t all, std::string_view what);

    /// Shows it now, however recently the bar was drawn: for steps that take long.
    void show_now(std::uint64_t done, std::uint64_t all, std::string_view what);

    /// Wipes the bar, so that something else can be written.
    void wipe();

private:
    bool terminal_;
    bool drawn_ = false;
    std::chrono::steady_clock::time_point next_{};
};

/// The bar's line: at most 79 columns.
[[nodiscard]] std::string
progress_line(std::uint64_t done, std::uint64_t all, std::string_view what);

} // namespace millpond::tool::replay
