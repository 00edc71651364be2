// SPDX-License-Identifier: MIT
#include "words.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <string.h> // NOLINT(modernize-deprecated-headers): sigabbrev_np

namespace millpond::tool {
namespace {

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

/// True for what no shell looks into; a byte of a character of several counts as a letter.
bool is_plain(char c) {
    const bool letter =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80;
    return letter || (c >= '0' && c <= '9') ||
           std::string_view("_@%+=:,./-").find(c) != std::string_view::npos;
}

std::string quoted(const std::string& word) {
    if (!word.empty() && std::all_of(word.begin(), word.end(), is_plain)) {
        return word;
    }
    const bool escapes = std::any_of(word.begin(), word.end(), is_control);
    std::string text = escapes ? "$'" : "'";
    for (const char c : word) {
        if (c == '\n') {
            text += "\\n";
        } else if (is_control(c)) {
            text += fmt::format("\\x{:02x}", static_cast<unsigned>(c));
        } else if (escapes && (c == '\'' || c == '\\')) {
            text += {'\\', c};
        } else if (c == '\'') {
            text += "'\\''";
        } else {
            text += c;
        }
    }
    return text + "'";
}

} // namespace

std::string grouped(std::uint64_t value) {
    std::string digits = std::to_string(value);
    for (std::size_t at = digits.size(); at > 3;) {
        at -= 3;
        digits.insert(at, 1, ',');
    }
    return digits;
}

std::string counted(std::uint64_t count, std::string_view thing) {
    const char* const plural = count == 1 ? "" : thing.ends_with('s') ? "es" : "s";
    return fmt::format("{} {}{}", grouped(count), thing, plural);
}

std::string in_bytes(std::uint64_t bytes) {
    if (bytes < 1000) {
        return counted(bytes, "byte");
    }
    auto value = static_cast<double>(bytes) / 1000;
    std::string_view unit = "kB";
    for (const std::string_view larger : {"MB", "GB", "TB"}) {
        if (value < 999.95) {
            break;
        }
        value /= 1000;
        unit = larger;
    }
    return fmt::format("{:.1f} {}", value, unit);
}

std::string command_text(const std::vector<std::string>& words, std::size_t width) {
    std::string text;
    for (const std::string& word : words) {
        text += text.empty() ? "" : " ";
        text += quoted(word);
    }
    if (text.size() > width) {
        std::size_t cut = width - 3;
        // Not in the middle of a character of several bytes.
        while (cut > 0 && (static_cast<unsigned char>(text[cut]) & 0xc0U) == 0x80U) {
            --cut;
        }
        text.resize(cut);
        text += "...";
    }
    return text;
}

std::string signal_name(int number) {
    const char* const name = sigabbrev_np(number);
    return name == nullptr ? fmt::format("signal {}", number) : fmt::format("SIG{}", name);
}

} // namespace millpond::tool
