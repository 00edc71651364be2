// SPDX-License-Identifier: MIT
/// \file
/// Buffers that keep what they have grown to: lent, cleaned on return, never built twice.

#include <millpond/pool/recycling_pool.hpp>

#include <atomic>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

namespace {

std::atomic<int> built = 0;

/// Expensive to build: it grows to its size once.
struct text_buffer {
    text_buffer() {
        text.reserve(64 * 1024);
        ++built;
    }

    std::string text;
};

/// Called with every buffer that comes back, in the thread that gives it back.
struct wipe {
    void operator()(text_buffer& buffer) const noexcept { buffer.text.clear(); }
};

} // namespace

int main() {
    millpond::recycling_pool<text_buffer, wipe> buffers({.name = "buffers", .capacity = 4});
    std::atomic<int> written = 0;
    {
        std::vector<std::jthread> threads;
        for (int i = 0; i < 4; ++i) {
            threads.emplace_back([&] {
                for (int line = 0; line < 1000; ++line) {
                    auto buffer = buffers.acquire(); // ends with the scope
                    buffer->text += "one line";
                    written += buffer->text == "one line" ? 1 : 0; // nobody's leftovers
                }
            });
        }
    }
    std::printf("%d lines in clean buffers, at most 4 built: %s\n",
                written.load(),
                built <= 4 ? "yes" : "no");
    std::vector<decltype(buffers)::lease> all;
    while (auto lease = buffers.try_acquire()) {
        all.push_back(std::move(lease));
    }
    std::printf("%zu lent, then none\n", all.size());
}
