// SPDX-License-Identifier: MIT
/// \file
/// Contenders of one thread share a core, and those of several get all of them back.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "cores.hpp"
#include <doctest/doctest.h>

using millpond::bench::allowed_cores;
using millpond::bench::bind_to;
using millpond::bench::one_core;

TEST_CASE("a chosen core is one of those that were allowed, and releasing it allows all again") {
    const std::vector<std::size_t> before = allowed_cores();
    REQUIRE(!before.empty());
    one_core core;
    for (int i = 0; i < 2; ++i) {
        core.choose();
        const std::vector<std::size_t> chosen = allowed_cores();
        REQUIRE(chosen.size() == 1);
        CHECK(std::find(before.begin(), before.end(), chosen.front()) != before.end());
        core.release();
        CHECK(allowed_cores() == before);
    }
}

TEST_CASE("a thread is bound to the cores that it is given") {
    const std::vector<std::size_t> before = allowed_cores();
    for (const std::size_t& core : before) {
        bind_to({&core, 1});
        CHECK(allowed_cores() == std::vector<std::size_t>{core});
    }
    bind_to(before);
    CHECK(allowed_cores() == before);
}
