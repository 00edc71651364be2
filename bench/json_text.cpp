// SPDX-License-Identifier: MIT
/// \file
/// Writes the document, and has nlohmann's parser read it.

#include "json_text.hpp"

#include <stdexcept>

#include "measure.hpp"
#include <nlohmann/json.hpp>

namespace millpond::bench {

namespace {

class json_writer {
public:
    std::string write(std::size_t values) {
        text_.reserve(values * 40);
        text_ += '[';
        for (bool first = true; values_ < values; first = false) {
            text_ += first ? "" : ",\n";
            object(2 + random_.below(12), 1);
        }
        text_ += ']';
        return std::move(text_);
    }

private:
    static constexpr std::size_t deepest = 5;

    void object(std::size_t members, std::size_t depth) {
        ++values_;
        text_ += '{';
        for (std::size_t i = 0; i < members; ++i) {
            text_ += i == 0 ? "\"" : ",\"";
            text_ += 'm'; // and a number: each once in its object
            text_ += std::to_string(i);
            word(1 + random_.below(20));
            text_ += "\":";
            value(depth + 1);
        }
        text_ += '}';
    }

    void array(std::size_t items, std::size_t depth) {
        ++values_;
        text_ += '[';
        for (std::size_t i = 0; i < items; ++i) {
            text_ += i == 0 ? "" : ",";
            value(depth + 1);
        }
        text_ += ']';
    }

    void value(std::size_t depth) {
        const std::size_t drawn = random_.below(100);
        if (drawn < 12 && depth < deepest) {
            object(random_.below(8), depth);
        } else if (drawn < 22 && depth < deepest) {
            array(random_.below(16), depth);
        } else if (drawn < 28) {
            ++values_;
            text_ += "null";
        } else if (drawn < 58) {
            ++values_;
            text_ += std::to_string(random_.below(1'000'000));
        } else {
            ++values_;
            text_ += '"';
            word(string_length());
            text_ += '"';
        }
    }

    /// Most are short; one in ten is a sentence, one in fifty a paragraph.
    std::size_t string_length() {
        const std::size_t drawn = random_.below(100);
        const std::size_t most = drawn < 2 ? 1'000 : drawn < 12 ? 120 : 32;
        return random_.below(most);
    }

    void word(std::size_t length) {
        for (std::size_t i = 0; i < length; ++i) {
            text_ += static_cast<char>('a' + random_.below(26));
        }
    }

    random_source random_;
    std::string text_;
    std::size_t values_ = 0;
};

/// What nlohmann's parser calls; true: go on.
class event_bridge {
public:
    explicit event_bridge(json_handler& handler)
        : handler_(handler) {}

    bool null() { return handler_.null(), true; }

    bool boolean(bool value) { return handler_.number(value ? 1 : 0), true; }

    bool number_integer(std::int64_t value) {
        return handler_.number(static_cast<double>(value)), true;
    }

    bool number_unsigned(std::uint64_t value) {
        return handler_.number(static_cast<double>(value)), true;
    }

    bool number_float(double value, const std::string& /*text*/) {
        return handler_.number(value), true;
    }

    bool string(const std::string& text) { return handler_.string(text), true; }

    static bool binary(const nlohmann::json::binary_t& /*bytes*/) { return false; }

    bool start_object(std::size_t /*members*/) { return handler_.begin_object(), true; }

    bool key(const std::string& text) { return handler_.key(text), true; }

    bool end_object() { return handler_.end(), true; }

    bool start_array(std::size_t /*items*/) { return handler_.begin_array(), true; }

    bool end_array() { return handler_.end(), true; }

    static bool parse_error(std::size_t /*position*/,
                            const std::string& /*token*/,
                            const nlohmann::detail::exception& fault) {
        throw std::runtime_error(fault.what());
    }

private:
    json_handler& handler_;
};

} // namespace

std::string make_json_text(std::size_t values) {
    return json_writer().write(values);
}

void parse_json(const std::string& text, json_handler& handler) {
    event_bridge bridge(handler);
    if (!nlohmann::json::sax_parse(text, &bridge)) {
        throw std::runtime_error("the parser stopped early");
    }
}

} // namespace millpond::bench
