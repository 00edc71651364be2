// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Events for tests: single ones by hand, and long sequences of which every one is valid.

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "replay/plan_builder.hpp"
#include "trace/trace.hpp"
#include "trace/writer.hpp"
#include <unistd.h>

namespace millpond::test {

using tool::event;
using tool::operation;

[[nodiscard]] inline event allocate(std::uint64_t block, std::uint64_t size) {
    event e;
    e.op = operation::allocate;
    e.block = block;
    e.size_bytes = size;
    return e;
}

[[nodiscard]] inline event allocate_zeroed(std::uint64_t block, std::uint64_t size) {
    event e = allocate(block, size);
    e.op = operation::allocate_zeroed;
    return e;
}

[[nodiscard]] inline event
allocate_aligned(std::uint64_t block, std::uint64_t size, std::uint64_t alignment) {
    event e = allocate(block, size);
    e.op = operation::allocate_aligned;
    e.alignment_bytes = alignment;
    return e;
}

[[nodiscard]] inline event
reallocate(std::uint64_t previous, std::uint64_t block, std::uint64_t size) {
    event e = allocate(block, size);
    e.op = operation::reallocate;
    e.previous = previous;
    return e;
}

[[nodiscard]] inline event release(std::uint64_t block) {
    event e;
    e.op = operation::free;
    e.block = block;
    return e;
}

/// The size that tests/replay/faulty_heap.cpp cannot stand.
inline constexpr std::uint64_t fatal_size = 2741;

/// `count` events with every operation, sizes from 0 to 20000 of which most are small, two threads, and
/// blocks that are still live at the end. One block of each hundred has the fatal size.
[[nodiscard]] inline std::vector<event> synthetic_events(std::size_t count, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    const auto below = [&random](std::uint64_t limit) { return random() % limit; };
    std::vector<event> all;
    std::vector<std::uint64_t> live;
    std::uint64_t next = 0;
    while (all.size() < count) {
        const std::uint64_t dice = below(100);
        std::uint64_t size = below(20) == 0 ? below(20000) : below(400);
        size = below(100) == 0 ? fatal_size : size;
        const bool grow = live.size() < 200 ? dice < 60 : dice < 45;
        if (grow || live.empty()) {
            all.push_back(dice % 8 == 0 ? allocate_zeroed(next, size)
                          : dice % 8 == 1
                              ? allocate_aligned(next, size, std::uint64_t{1} << below(9))
                              : allocate(next, size));
            live.push_back(next++);
        } else {
            const std::size_t at = below(live.size());
            if (dice < 70) {
                all.push_back(reallocate(live[at], next, size));
                live[at] = next++;
            } else {
                all.push_back(release(live[at]));
                live[at] = live.back();
                live.pop_back();
            }
        }
        all.back().thread = static_cast<std::uint32_t>(below(2));
        all.back().time_ns = 10 * all.size();
    }
    return all;
}

[[nodiscard]] inline tool::replay::prepared_plan plan_of(const std::vector<event>& events) {
    tool::replay::plan_builder builder;
    for (const event& e : events) {
        builder.add(e);
    }
    return std::move(builder).finish();
}

/// All records of a plan, the checks at its end included.
[[nodiscard]] inline std::vector<tool::replay::record>
records_of(const tool::replay::prepared_plan& plan) {
    std::vector<tool::replay::record> all(plan.head.records + plan.head.checks);
    plan.file.read(
        all.data(), all.size() * sizeof(tool::replay::record), tool::replay::plan_records_offset);
    return all;
}

/// A folder that goes away with the test.
class scratch_folder {
public:
    scratch_folder() {
        std::string name =
            (std::filesystem::temp_directory_path() / "millpond-replay-XXXXXX").string();
        if (mkdtemp(name.data()) == nullptr) {
            throw std::filesystem::filesystem_error("a scratch folder", std::error_code());
        }
        path_ = name;
    }

    scratch_folder(const scratch_folder&) = delete;
    scratch_folder& operator=(const scratch_folder&) = delete;

    ~scratch_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] std::filesystem::path operator/(const char* name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

/// All of a file; empty when there is none.
[[nodiscard]] inline std::string content_of(const std::filesystem::path& file) {
    std::ifstream in(file);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
}

/// Writes a trace with one process per sequence.
inline void write_trace(const std::filesystem::path& file,
                        const std::vector<std::vector<event>>& processes) {
    tool::trace_writer writer(file);
    std::uint32_t pid = 100;
    for (const std::vector<event>& events : processes) {
        tool::process head;
        head.pid = pid++;
        head.command = {"/usr/bin/synthetic", "--number", std::to_string(pid - 100)};
        const std::size_t index = writer.begin_process(head);
        for (const event& e : events) {
            writer.append(index, e);
        }
    }
    writer.finish();
}

} // namespace millpond::test
