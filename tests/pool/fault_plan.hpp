// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Lets the k-th call of the operating system or the heap fail. The wrappers are in fault_plan.cpp; a
/// program that uses them is linked with --wrap, so that the library's calls go there first.

#include <cstddef>
#include <vector>

namespace millpond::test {

/// What the wrappers do, and have seen while a fault was armed.
struct fault_plan {
    bool armed = false;
    bool lasts = false; ///< every later call fails too
    std::ptrdiff_t failures = 0;
    int calls_before_failure = 0;
    int advice_error = 0;       ///< errno of every madvise, which is then refused; 0: none is
    bool met = false;           ///< the failure has happened
    std::ptrdiff_t mapped = 0;  ///< bytes mapped and not unmapped
    std::ptrdiff_t on_heap = 0; ///< blocks from calloc that were not freed
    std::vector<void*> heap_blocks;

    /// True for the call that is to fail, and for those after it if it lasts; errno is set then.
    bool fails_now();
};

inline fault_plan plan;

/// Lets the k-th wrapped call fail while it lives, or all from the k-th on.
class armed_fault {
public:
    explicit armed_fault(int k, bool lasts = false) {
        plan = {};
        plan.lasts = lasts;
        plan.heap_blocks.reserve(16);
        plan.calls_before_failure = k;
        plan.armed = true;
    }

    armed_fault(const armed_fault&) = delete;
    armed_fault& operator=(const armed_fault&) = delete;

    ~armed_fault() { plan.armed = false; }
};

/// Refuses every madvise while it lives, as a sandbox does.
class refused_advice {
public:
    explicit refused_advice(int error) { plan.advice_error = error; }

    refused_advice(const refused_advice&) = delete;
    refused_advice& operator=(const refused_advice&) = delete;

    ~refused_advice() { plan.advice_error = 0; }
};

/// More calls than any test makes.
inline constexpr int no_failure = 1'000'000;

} // namespace millpond::test
