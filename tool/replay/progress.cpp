// SPDX-License-Identifier: MIT
#include "replay/progress.hpp"

#include <algorithm>
#include <cstdio>

#include <fmt/format.h>
#include <unistd.h>

namespace millpond::tool::replay {

progress::progress()
    : terminal_(isatty(STDERR_FILENO) == 1) {}

progress::~progress() {
    wipe();
}

void progress::show(std::uint64_t done, std::uint64_t all, std::string_view what) {
    if (terminal_ && std::chrono::steady_clock::now() >= next_) {
        show_now(done, all, what);
    }
}

void progress::show_now(std::uint64_t done, std::uint64_t all, std::string_view what) {
    if (!terminal_) {
        return;
    }
    fmt::print(stderr, "\r\x1b[K{}", progress_line(done, all, what));
    std::fflush(stderr);
    drawn_ = true;
    next_ = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
}

void progress::wipe() {
    if (drawn_) {
        std::fputs("\r\x1b[K", stderr);
        std::fflush(stderr);
        drawn_ = false;
    }
}

std::string progress_line(std::uint64_t done, std::uint64_t all, std::string_view what) {
    constexpr std::size_t width = 32;
    const std::uint64_t whole = std::max<std::uint64_t>(all, 1);
    const double part = static_cast<double>(std::min(done, whole)) / static_cast<double>(whole);
    const auto filled = static_cast<std::size_t>(part * width);
    return fmt::format(
        "[{:#<{}}{:.<{}}] {:3.0f} %  {:.37}", "", filled, "", width - filled, 100 * part, what);
}

} // namespace millpond::tool::replay
