// SPDX-License-Identifier: MIT
#include <string>

#include "page/embedded.hpp"
#include "page/page.hpp"
#include <doctest/doctest.h>

using namespace millpond::tool; // NOLINT(google-build-using-namespace): a test
using nlohmann::json;

namespace {

constexpr const char* opening = R"(<script id="model" type="application/json">)";

/// What a browser would take for the model: everything up to the next end of a script.
std::string model_text(const std::string& page) {
    const std::size_t begin = page.find(opening);
    REQUIRE(begin != std::string::npos);
    const std::size_t from = begin + std::string(opening).size();
    return page.substr(from, page.find("</script", from) - from);
}

std::size_t count(const std::string& text, const std::string& part) {
    std::size_t found = 0;
    for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
        ++found;
    }
    return found;
}

json minimal(const std::string& title) {
    return {{"title", title}, {"lead", ""}, {"facts", json::array()}, {"sections", json::array()}};
}

} // namespace

TEST_CASE("the page holds its model, unharmed") {
    const json model = {
        {"title", "a \"quoted\" title"}, {"facts", {{"label", 1.5}}}, {"sections", json::array()}};
    CHECK(json::parse(model_text(render_page(model))) == model);
}

TEST_CASE("no text of the model leaves its script element") {
    for (const char* hostile : {"</script><script>alert(1)</script>",
                                "<!-- <script>",
                                "</SCRIPT >",
                                "line\xe2\x80\xa8separator\xe2\x80\xa9",
                                "/*CHART_LIBRARY*/ and /*PAGE_MODEL*/"}) {
        const json model = minimal(hostile);
        const std::string page = render_page(model);
        CHECK(json::parse(model_text(page)) == model);
        CHECK(count(page, "<script") == count(render_page(minimal("harmless")), "<script"));
        CHECK(count(page, "</script>") == count(render_page(minimal("harmless")), "</script>"));
        CHECK(script_safe(model).find('<') == std::string::npos);
    }
}

TEST_CASE("bytes that are not UTF-8 become a replacement character") {
    const json read = json::parse(model_text(render_page(minimal("a\xff\xfe"))));
    CHECK(read.at("title").get<std::string>().find("\xef\xbf\xbd") != std::string::npos);
}

TEST_CASE("both placeholders stand in the template once, and none in the page") {
    const std::string page_template(embedded_page());
    CHECK(count(page_template, "/*PAGE_MODEL*/") == 1);
    CHECK(count(page_template, "/*CHART_LIBRARY*/") == 1);
    const std::string page = render_page(minimal("x"));
    CHECK(count(page, "/*PAGE_MODEL*/") == 0);
    CHECK(count(page, "/*CHART_LIBRARY*/") == 0);
    CHECK(page.find(embedded_chart_library()) != std::string::npos);
}

TEST_CASE("the page draws the facts of the machine behind every section") {
    const std::string page(embedded_page());
    const std::size_t about = page.find("pairs(model.about)");
    const std::size_t sections = page.find("model.sections.map(section)");
    const std::size_t facts = page.find("pairs(model.facts)");
    REQUIRE(facts != std::string::npos);
    CHECK(about < sections);
    CHECK(sections < facts);
}

TEST_CASE("the page fetches nothing") {
    std::string page = render_page(minimal("x"));
    page.erase(page.find(embedded_chart_library()), embedded_chart_library().size());
    CHECK(page.find("default-src 'none'") != std::string::npos);
    for (const char* way : {"http:",
                            "https:",
                            "//cdn",
                            " src=",
                            " href=",
                            "url(",
                            "@import",
                            "fetch(",
                            "XMLHttpRequest",
                            "import("}) {
        CHECK_MESSAGE(page.find(way) == std::string::npos, way);
    }
}

TEST_CASE("the page has no inline event handler, fits a phone and knows dark mode") {
    const std::string page(embedded_page());
    for (const char* handler : {"onclick=", "onload=", "onchange=", "javascript:"}) {
        CHECK_MESSAGE(page.find(handler) == std::string::npos, handler);
    }
    CHECK(page.find("width=device-width") != std::string::npos);
    CHECK(page.find("prefers-color-scheme: dark") != std::string::npos);
}
