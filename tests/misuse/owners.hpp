// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The pools whose objects can have shared owners, as victims.

#include <cstring>
#include <memory>

#include "victim.hpp"

namespace misuse {

/// Runs `body` on the pool that the first argument names; exit code 0 if it survives.
template <class Body>
int share(std::span<char*> arguments, Body body) {
    const char* const kind = arguments.size() == 2 ? arguments[1] : "";
    if (std::strcmp(kind, "concurrent_object_pool") == 0) {
        victim<concurrent_objects> chosen;
        body(chosen);
    } else {
        victim<millpond::object_pool<record>> chosen;
        body(chosen);
    }
    return 0;
}

/// Overwrites what is left of a pool that was destroyed.
template <class Victim>
void overwrite_pool(Victim& dead) {
    std::memset(static_cast<void*>(opaque(&dead.pool())), 0x5a, sizeof dead.pool());
}

} // namespace misuse

/// The main function of a program that misuses a shared owner of an object of the pool `it`.
#define MISUSE_OF_A_SHARED_OWNER(...)                                                              \
    int main(int count, char** values) {                                                           \
        return misuse::share(std::span(values, static_cast<std::size_t>(count)),                   \
                             []<class Victim>(Victim& it) { __VA_ARGS__ });                        \
    }
