// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Atomic access to plain words in memory from a region. Everything that threads of a concurrent
/// pool share goes through here, so that a stress test can take the processor away before each
/// step.
///
/// Uses the compilers' own functions rather than std::atomic_ref, which libc++ has only since
/// version 19.

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

/// The compilers number the orders as the standard does.
constexpr int builtin_order(std::memory_order order) noexcept {
    return static_cast<int>(order);
}

static_assert(builtin_order(std::memory_order_relaxed) == __ATOMIC_RELAXED &&
                  builtin_order(std::memory_order_acquire) == __ATOMIC_ACQUIRE &&
                  builtin_order(std::memory_order_release) == __ATOMIC_RELEASE &&
                  builtin_order(std::memory_order_acq_rel) == __ATOMIC_ACQ_REL &&
                  builtin_order(std::memory_order_seq_cst) == __ATOMIC_SEQ_CST,
              "the order that a caller names is the order that it gets");

template <class T>
[[nodiscard]] T atomic_load(const T& place, std::memory_order order) noexcept {
    interleave();
    T value;
    __atomic_load(&place, &value, builtin_order(order));
    return value;
}

template <class T>
void atomic_store(T& place, T value, std::memory_order order) noexcept {
    interleave();
    __atomic_store(&place, &value, builtin_order(order));
}

template <class T>
[[nodiscard]] T atomic_exchange(T& place, T value, std::memory_order order) noexcept {
    interleave();
    T before;
    __atomic_exchange(&place, &value, &before, builtin_order(order));
    return before;
}

/// Writes `desired` if the place holds `expected`; returns whether it did.
template <class T>
[[nodiscard]] bool
atomic_replace(T& place, T expected, T desired, std::memory_order order) noexcept {
    interleave();
    return __atomic_compare_exchange(
        &place, &expected, &desired, false, builtin_order(order), __ATOMIC_RELAXED);
}

template <class T>
T atomic_add(T& place, T value, std::memory_order order) noexcept {
    interleave();
    return __atomic_fetch_add(&place, value, builtin_order(order));
}

template <class T>
T atomic_or(T& place, T bits, std::memory_order order) noexcept {
    interleave();
    return __atomic_fetch_or(&place, bits, builtin_order(order));
}

template <class T>
T atomic_and(T& place, T bits, std::memory_order order) noexcept {
    interleave();
    return __atomic_fetch_and(&place, bits, builtin_order(order));
}

} // namespace detail

MILLPOND_NAMESPACE_END
