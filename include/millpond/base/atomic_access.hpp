// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Atomic access to plain words in memory that a region gave. Everything that threads of a concurrent
/// pool share goes through here, so that a stress test can take the processor away before each step.

#include "millpond/base/config.hpp"

#include <atomic>

#if MILLPOND_INTERLEAVE
extern "C" void millpond_interleave() noexcept; // the test's own
#endif

MILLPOND_NAMESPACE_BEGIN

namespace detail {

#if MILLPOND_INTERLEAVE
inline void interleave() noexcept {
    millpond_interleave();
}
#else
constexpr void interleave() noexcept {}
#endif

template <class T>
[[nodiscard]] T atomic_load(T& place, std::memory_order order) noexcept {
    interleave();
    return std::atomic_ref<T>(place).load(order);
}

template <class T>
void atomic_store(T& place, T value, std::memory_order order) noexcept {
    interleave();
    std::atomic_ref<T>(place).store(value, order);
}

template <class T>
[[nodiscard]] T atomic_exchange(T& place, T value, std::memory_order order) noexcept {
    interleave();
    return std::atomic_ref<T>(place).exchange(value, order);
}

/// Writes `desired` if the place holds `expected`; true if it did.
template <class T>
[[nodiscard]] bool
atomic_replace(T& place, T expected, T desired, std::memory_order order) noexcept {
    interleave();
    return std::atomic_ref<T>(place).compare_exchange_strong(
        expected, desired, order, std::memory_order_relaxed);
}

template <class T>
T atomic_add(T& place, T value, std::memory_order order) noexcept {
    interleave();
    return std::atomic_ref<T>(place).fetch_add(value, order);
}

template <class T>
T atomic_or(T& place, T bits, std::memory_order order) noexcept {
    interleave();
    return std::atomic_ref<T>(place).fetch_or(bits, order);
}

template <class T>
T atomic_and(T& place, T bits, std::memory_order order) noexcept {
    interleave();
    return std::atomic_ref<T>(place).fetch_and(bits, order);
}

} // namespace detail

MILLPOND_NAMESPACE_END
