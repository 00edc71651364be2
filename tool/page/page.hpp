// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The page: one self-contained HTML file made of a template, a charting library and a model.
/// It fetches nothing, so it can be mailed, archived and opened from a file.
///
/// The model (the template draws exactly this, and nothing that is not in it):
///
///     { "title": text, "lead": text, "about": [[label, value], ...],    what it is about, at the top
///       "facts": [[label, value], ...],                              machine and versions, at the end
///       "sections": [ { "heading": text, "text": text, "chart": null | bars | percentiles,
///                       "table": null | { "columns": [text], "rows": [[text | number]],
///                                         "best": [[row, column], ...], "note": text } } ] }
///     bars:        { "kind": "bars", "unit": text, "log": bool, "categories": [text],
///                    "series": [ { "name", "values": [number | null], "low": [...], "high": [...] } ] }
///     percentiles: { "kind": "percentiles", "unit": text,
///                    "series": [ { "name", "points": [[percentile 0..100, value], ...] } ] }

#include <string>

#include <nlohmann/json.hpp>

namespace millpond::tool {

/// Returns the whole page for `model`, as UTF-8 text.
///
/// Whatever the texts of the model hold, they cannot leave their script element; bytes that are not
/// UTF-8 (a program may be named so) become U+FFFD.
///
/// Errors: std::bad_alloc. The model is not validated; a malformed one gives a page that draws less.
[[nodiscard]] std::string render_page(const nlohmann::json& model);

/// Returns `model` as JSON that is safe inside an HTML script element.
[[nodiscard]] std::string script_safe(const nlohmann::json& model);

} // namespace millpond::tool
