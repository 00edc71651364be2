# SPDX-License-Identifier: MIT
# Writes a C++ file that holds the page template and the charting library as bytes.
# cmake -DPAGE=... -DLIBRARY=... -DOUTPUT=... -P embed.cmake

file(READ "${PAGE}" page)
string(FIND "${page}" "/*PAGE_MODEL*/" model_at)
string(FIND "${page}" "/*CHART_LIBRARY*/" library_at)
if(model_at LESS 0 OR library_at LESS model_at)
    message(FATAL_ERROR "${PAGE}: the placeholders of the model and of the library, in this order, are missing")
endif()
file(READ "${LIBRARY}" library)
string(FIND "${library}" "</script" ends)
if(NOT ends LESS 0)
    message(FATAL_ERROR "${LIBRARY}: holds \"</script\" and cannot stand inside a page")
endif()

# An array of bytes, because compilers bound the length of a string literal.
function(bytes_of file result)
    file(READ "${file}" hex HEX)
    string(REGEX REPLACE "(................................)" "\\1\n" hex "${hex}")
    string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," hex "${hex}")
    set(${result} "${hex}" PARENT_SCOPE)
endfunction()
bytes_of("${PAGE}" page_bytes)
bytes_of("${LIBRARY}" library_bytes)

file(WRITE "${OUTPUT}" "// SPDX-License-Identifier: MIT
// Written by embed.cmake.
#include \"page/embedded.hpp\"

namespace millpond::tool {

namespace {

constexpr unsigned char page[] = {
${page_bytes}};
constexpr unsigned char library[] = {
${library_bytes}};

} // namespace

std::string_view embedded_page() noexcept {
    return {reinterpret_cast<const char*>(page), sizeof page};
}

std::string_view embedded_chart_library() noexcept {
    return {reinterpret_cast<const char*>(library), sizeof library};
}

} // namespace millpond::tool
")
