// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// What must hold of a handle pool after every step, beside what holds of every pool.

#include "millpond/pool/handle_pool.hpp"

#include <cstdlib>
#include <string>

#include "sound.hpp"

namespace millpond::test {

/// Empty when the pool is sound; otherwise what does not hold.
template <class T>
std::string fault_of_handles(const handle_pool<T>& pool) {
    if (const std::string fault = fault_of(pool); !fault.empty()) {
        return fault;
    }
    const handle_pool_stats now = pool.stats();
    if (now.retired != pool.retired() || now.capacity + now.retired > now.max_capacity) {
        return "capacity + retired <= max_capacity does not hold";
    }
    for (const T& each : pool) {
        const handle<T> named = pool.handle_of(each);
        if (pool.get(named) != &each || !pool.contains(named)) {
            return "an object's own handle leads elsewhere";
        }
    }
    return {};
}

/// The object that a handle must find.
template <class Pool>
[[gnu::noinline]] auto& object_of(Pool& pool, handle<typename Pool::value_type> named) {
    auto* const object = pool.get(named);
    if (object == nullptr) {
        std::abort();
    }
    return *object;
}

} // namespace millpond::test

#define CHECK_HANDLES_SOUND(pool)   CHECK(millpond::test::fault_of_handles(pool) == "")
#define REQUIRE_HANDLES_SOUND(pool) REQUIRE(millpond::test::fault_of_handles(pool) == "")
