// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does a parsed document cost: strings, arrays and maps of all sizes that live and die together?
///
/// A JSON text of some MB becomes a tree of values (`parse`), every value is read (`walk`), and the tree
/// is destroyed (`destroy`); `time` is all three. Unit: nanoseconds per value. Turning text into events
/// is a library's business, and in `parse` for everyone. `built bytes`: what the resident memory grew by
/// with the first tree, per value.

#include <bit>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "json_text.hpp"
#include "measure.hpp"
#include "patterns/container.hpp"
#include "patterns/container_kinds.hpp"
#include "patterns/memory.hpp"
#include "task.hpp"
#include "trim_heap.hpp"

namespace millpond::bench {

/// A value, and what it consists of, all in memory of one source.
template <class Source>
struct json_value {
    using text = std::basic_string<char, std::char_traits<char>, allocator_of<Source, char>>;
    using array = std::vector<json_value, allocator_of<Source, json_value>>;
    using object = std::map<text,
                            json_value,
                            std::less<text>,
                            allocator_of<Source, std::pair<const text, json_value>>>;

    std::variant<std::monostate, double, text, array, object> content;
};

/// Puts together what the parser finds.
template <class Source>
class json_builder final : public json_handler {
    using value = json_value<Source>;

public:
    explicit json_builder(Source& source)
        : source_(source) {}

    void null() override { add(std::monostate()); }

    void number(double amount) override { add(amount); }

    void string(std::string_view text) override { add(made<typename value::text>(text)); }

    void begin_array() override { open_.push_back(add(made<typename value::array>())); }

    void begin_object() override { open_.push_back(add(made<typename value::object>())); }

    void key(std::string_view text) override { key_.emplace(made<typename value::text>(text)); }

    void end() override { open_.pop_back(); }

    [[nodiscard]] value take() { return std::exchange(root_, value{}); }

private:
    template <class Content, class... Arguments>
    Content made(Arguments... arguments) {
        return Content(arguments..., typename Content::allocator_type(source_.allocator()));
    }

    template <class Content>
    value* add(Content&& content) {
        value next{std::forward<Content>(content)};
        if (open_.empty()) {
            root_ = std::move(next);
            return &root_;
        }
        if (auto* const items = std::get_if<typename value::array>(&open_.back()->content)) {
            return &items->emplace_back(std::move(next));
        }
        auto& members = std::get<typename value::object>(open_.back()->content);
        return &members.emplace(std::move(*key_), std::move(next)).first->second;
    }

    Source& source_;
    value root_;
    std::vector<value*> open_; ///< none moves while it is open: what follows comes into it
    std::optional<typename value::text> key_; ///< of the member that comes next
};

/// A sum in which the order matters.
inline std::uint64_t joined(std::uint64_t sum, std::uint64_t more) noexcept {
    return std::rotl(sum, 1) + more;
}

template <class Text>
std::uint64_t joined_with_text(std::uint64_t sum, const Text& text) noexcept {
    return joined(joined(sum, text.size()),
                  text.empty() ? 0 : static_cast<unsigned char>(text.back()));
}

/// The sum of all values. The walk: never inlined, and each call keeps its sum in a register.
template <class Source>
[[gnu::noinline]] std::uint64_t sum_of(const json_value<Source>& one) {
    using value = json_value<Source>;
    std::uint64_t sum = one.content.index();
    if (const auto* const number = std::get_if<double>(&one.content)) {
        sum = joined(sum, static_cast<std::uint64_t>(*number));
    } else if (const auto* const text = std::get_if<typename value::text>(&one.content)) {
        sum = joined_with_text(sum, *text);
    } else if (const auto* const items = std::get_if<typename value::array>(&one.content)) {
        for (const value& item : *items) {
            sum = joined(sum, sum_of(item));
        }
    } else if (const auto* const members = std::get_if<typename value::object>(&one.content)) {
        for (const auto& [key, member] : *members) {
            sum = joined(joined_with_text(sum, key), sum_of(member));
        }
    }
    return sum;
}

template <class Source>
outcome measure_json_document(Source& source, const task& asked) {
    const std::string text = make_json_text(asked.blocks);
    const std::size_t documents = 1 + asked.operations / asked.blocks;
    const auto values = static_cast<double>(asked.blocks);
    outcome found;
    pass_times times(documents, cpu_ns);
    trim_heap();
    const resident_growth memory;
    double built_bytes = 0;
    for (std::size_t i = 0; i < documents; ++i) {
        std::optional<json_value<Source>> tree;
        times.time(0, [&] {
            json_builder<Source> builder(source);
            parse_json(text, builder);
            tree.emplace(builder.take());
        });
        if (i == 0) {
            built_bytes = memory.bytes();
        }
        times.time(1, [&] { found.checksum += sum_of(*tree); });
        times.time(2, [&] { tree.reset(); });
        if constexpr (rewinds<Source>) {
            source.rewind();
        }
    }
    const double parse = times.median_ns(0) / values;
    const double walk = times.median_ns(1) / values;
    const double destroy = times.median_ns(2) / values;
    found.figures = {
        {"time", parse + walk + destroy}, {"parse", parse}, {"walk", walk}, {"destroy", destroy}};
    if (!rewinds<Source>) {
        found.figures.push_back({"built bytes", built_bytes / values});
    }
    return found;
}

} // namespace millpond::bench
