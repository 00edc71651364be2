// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How every stage writes numbers, sizes and commands for people.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace millpond::tool {

/// 1234567 as "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t value);

/// "1 event", "1,234 events", "2 processes".
[[nodiscard]] std::string counted(std::uint64_t count, std::string_view thing);

/// "832 bytes", "1.2 kB", "34.5 MB", "6.7 GB": multiples of 1000.
[[nodiscard]] std::string in_bytes(std::uint64_t bytes);

/// A command as a shell would take it, so that each word is told from the next. Control characters
/// become escapes and never reach a terminal; what is longer than `width` is cut and ends in "...".
[[nodiscard]] std::string command_text(const std::vector<std::string>& words, std::size_t width);

/// "SIGKILL", or "signal 63" for one without a name.
[[nodiscard]] std::string signal_name(int number);

} // namespace millpond::tool
