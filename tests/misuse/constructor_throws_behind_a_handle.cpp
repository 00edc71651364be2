// SPDX-License-Identifier: MIT
/// \file
/// A constructor that throws in a pool of handles gives its place back and lets the exception pass.
//
// class: constructor throws
// pools: handle_pool
// ends:  exit 0
// says:  refused

#include <stdexcept>

#include "behind_handles.hpp"

namespace {

struct refusing {
    explicit refusing(bool now) {
        if (now) {
            throw std::runtime_error("refused");
        }
    }
};

} // namespace

int main() {
    millpond::handle_pool<refusing> pool({.name = "victim", .capacity = 1});
    try {
        (void)pool.create(true);
    } catch (const std::runtime_error& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    misuse::require(pool.empty() && pool.available() == 1 && pool.verify());
    misuse::require(static_cast<bool>(pool.try_create(false)));
    return 0;
}
