// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A JSON document to parse, and the parser, which is a library's: it tells a handler what it finds.

#include <cstddef>
#include <string>
#include <string_view>

namespace millpond::bench {

/// Hears of a document, value by value, in the order of the text.
class json_handler {
public:
    json_handler() = default;
    json_handler(const json_handler&) = delete;
    json_handler& operator=(const json_handler&) = delete;
    virtual ~json_handler() = default;

    virtual void null() = 0;
    virtual void number(double amount) = 0;
    virtual void string(std::string_view text) = 0;
    virtual void begin_array() = 0;
    virtual void begin_object() = 0;
    virtual void key(std::string_view text) = 0;
    virtual void end() = 0; ///< of the array or the object that was begun last
};

/// A document of at least so many values, the same every time: an array of records, in which
/// strings, numbers, arrays and objects of all sizes are mixed. Some 20 bytes for each value.
std::string make_json_text(std::size_t values);

/// Throws std::runtime_error for what is no JSON.
void parse_json(const std::string& text, json_handler& handler);

} // namespace millpond::bench
