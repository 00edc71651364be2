// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The two files that the build puts into the binary (tool/page/embed.cmake writes the definitions).

#include <string_view>

namespace millpond::tool {

/// The template, tool/page/page.html; holds both placeholders, the model's first.
[[nodiscard]] std::string_view embedded_page() noexcept;

/// The text of Chart.js 3.9.
[[nodiscard]] std::string_view embedded_chart_library() noexcept;

} // namespace millpond::tool
