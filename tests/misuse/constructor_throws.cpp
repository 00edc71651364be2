// SPDX-License-Identifier: MIT
/// \file
/// A constructor that throws gives its block back and lets the exception pass.
//
// class: constructor throws
// pools: object_pool concurrent_object_pool recycling_pool arena
// ends:  exit 0
// says:  refused

#include <stdexcept>

#include "victim.hpp"

namespace {

struct refusing {
    refusing() { throw std::runtime_error("refused"); }

    refusing(const refusing&) = delete;
    refusing& operator=(const refusing&) = delete;

    ~refusing() { std::fprintf(stderr, "destroyed, but never constructed\n"); }
};

template <class Pool>
int create_in(Pool&& pool) {
    try {
        if constexpr (requires { pool.acquire(); }) {
            (void)pool.acquire();
        } else if constexpr (std::is_same_v<Pool, millpond::arena>) {
            (void)pool.template create<refusing>();
        } else {
            (void)pool.create();
        }
    } catch (const std::runtime_error& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    return pool.stats().live == 0 && pool.verify() ? 0 : 3;
}

} // namespace

int main(int count, char** values) {
    const char* const kind = count == 2 ? values[1] : "";
    if (std::strcmp(kind, "concurrent_object_pool") == 0) {
        return create_in(
            millpond::concurrent_object_pool<refusing>({.name = "victim", .capacity = 1}));
    }
    if (std::strcmp(kind, "recycling_pool") == 0) {
        return create_in(millpond::recycling_pool<refusing>({.name = "victim", .capacity = 1}));
    }
    if (std::strcmp(kind, "arena") == 0) {
        return create_in(millpond::arena({.name = "victim", .capacity = 100}));
    }
    return create_in(millpond::object_pool<refusing>({.name = "victim", .capacity = 1}));
}
