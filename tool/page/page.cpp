// SPDX-License-Identifier: MIT
#include "page/page.hpp"

#include <string_view>

#include "page/embedded.hpp"

namespace millpond::tool {

namespace {

constexpr std::string_view library_mark = "/*CHART_LIBRARY*/";
constexpr std::string_view model_mark = "/*PAGE_MODEL*/";

} // namespace

std::string script_safe(const nlohmann::json& model) {
    const std::string plain = model.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    std::string safe;
    safe.reserve(plain.size() + plain.size() / 16);
    for (std::size_t i = 0; i < plain.size(); ++i) {
        const std::string_view rest = std::string_view(plain).substr(i);
        // In JSON these can stand in a string only, where the escape means the same. "<" covers
        // both ways out of a script element, "</script" and "<!--".
        if (rest.front() == '<') {
            safe += "\\u003c";
        } else if (rest.starts_with("\xe2\x80\xa8") || rest.starts_with("\xe2\x80\xa9")) {
            safe += rest[2] == '\xa8' ? "\\u2028" : "\\u2029";
            i += 2;
        } else {
            safe += rest.front();
        }
    }
    return safe;
}

std::string render_page(const nlohmann::json& model) {
    const std::string_view page = embedded_page();
    const std::string_view library = embedded_chart_library();
    // Both places are found in the template, before anything is filled in: a model that quotes a
    // placeholder stays what it is.
    const std::size_t model_at = page.find(model_mark);
    const std::size_t library_at = page.find(library_mark);
    const std::string data = script_safe(model);
    std::string whole;
    whole.reserve(page.size() + library.size() + data.size());
    whole += page.substr(0, model_at);
    whole += data;
    const std::size_t after_model = model_at + model_mark.size();
    whole += page.substr(after_model, library_at - after_model);
    whole += library;
    whole += page.substr(library_at + library_mark.size());
    return whole;
}

} // namespace millpond::tool
