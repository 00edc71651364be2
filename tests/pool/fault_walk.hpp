// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Constructs something with every call of the system or the heap failing once, until none is left to fail.

#include <cerrno>
#include <string>
#include <system_error>

#include "fault_plan.hpp"
#include <doctest/doctest.h>

namespace millpond::test {

struct walk_result {
    int failure_points = 0;
    int refused = 0; ///< of them, how many made the construction throw
};

/// `use` constructs, calls `built()`, after which nothing fails, uses what it has and destroys it. A construction
/// that is refused says so and leaves nothing.
template <class Use>
walk_result walk_construction(Use use) {
    walk_result result;
    for (int k = 0;; ++k) {
        CAPTURE(k);
        std::string text;
        {
            const armed_fault fault(k);
            try {
                use([] { plan.calls_before_failure = no_failure; });
            } catch (const std::system_error& refusal) {
                text = refusal.what();
                CHECK(refusal.code().value() == ENOMEM);
            }
            CHECK(plan.mapped == 0);
            CHECK(plan.on_heap == 0);
        }
        if (!plan.met) {
            CHECK(text == "");
            return result;
        }
        ++result.failure_points;
        if (!text.empty()) {
            ++result.refused;
            CHECK(text.starts_with("millpond: pool 'faulty': cannot "));
            CHECK(text.find(" bytes in pages of ") != std::string::npos);
            CHECK(text.ends_with(": Cannot allocate memory"));
        }
    }
}

} // namespace millpond::test
