// SPDX-License-Identifier: MIT
/// \file
/// Reduces a recorded trace to sizes and lifetimes, in the form that mixed_trace.hpp describes.
///
///     millpond-mix TRACE OUTPUT    # the trace's first process; bench/make_mixed_trace runs it

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "trace/reader.hpp"
#include "trace/trace.hpp"
#include <fmt/format.h>

namespace {

using millpond::tool::event;
using millpond::tool::operation;

class writer {
public:
    void add(const event& what) {
        if (what.op == operation::free) {
            end(what.block);
            return;
        }
        begin(what.block, what.size_bytes);
        if (what.op == operation::reallocate) {
            end(what.previous); // as a copy into the new block would do
        }
    }

    [[nodiscard]] const std::string& bytes() const noexcept { return bytes_; }

    [[nodiscard]] std::uint64_t allocations() const noexcept { return allocations_; }

private:
    void begin(std::uint64_t block, std::uint64_t size_bytes) {
        born_[block] = allocations_++;
        put(2 * std::max<std::uint64_t>(1, (size_bytes + 7) / 8));
    }

    void end(std::uint64_t block) {
        const auto found = born_.find(block);
        if (found == born_.end()) {
            throw std::runtime_error("a block is freed that is not live");
        }
        put(2 * (allocations_ - 1 - found->second) + 1);
        born_.erase(found);
    }

    void put(std::uint64_t number) {
        for (; number >= 0x80; number >>= 7) {
            bytes_ += static_cast<char>(number | 0x80);
        }
        bytes_ += static_cast<char>(number);
    }

    std::unordered_map<std::uint64_t, std::uint64_t> born_; ///< after so many allocations, by block
    std::uint64_t allocations_ = 0;
    std::string bytes_;
};

} // namespace

int main(int argument_count, char** arguments) {
    if (argument_count != 3) {
        std::fputs("usage: millpond-mix TRACE OUTPUT\n", stderr);
        return 2;
    }
    try {
        writer all;
        millpond::tool::trace_reader reader(arguments[1]);
        reader.for_each(0, [&all](const event& what) { all.add(what); });
        std::ofstream file(arguments[2], std::ios::binary);
        if (!file.write(all.bytes().data(), static_cast<std::streamsize>(all.bytes().size()))) {
            throw std::runtime_error("the output cannot be written");
        }
        fmt::print("{} allocations, {} bytes\n", all.allocations(), all.bytes().size());
        return 0;
    } catch (const std::exception& fault) {
        fmt::print(stderr, "millpond-mix: {}\n", fault.what());
        return 2;
    }
}
