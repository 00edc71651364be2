// SPDX-License-Identifier: MIT
/// \file
/// A constructor that throws gives its block back and lets the exception pass.
//
// class: constructor throws
// pools: object_pool
// ends:  exit 0
// says:  refused

#include <stdexcept>

#include "victim.hpp"

struct refusing {
    refusing() { throw std::runtime_error("refused"); }
};

int main() {
    millpond::object_pool<refusing> pool({.name = "victim", .capacity = 1});
    try {
        (void)pool.create();
    } catch (const std::runtime_error& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    return pool.size() == 0 && pool.verify() ? 0 : 3;
}
