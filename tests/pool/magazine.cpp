// SPDX-License-Identifier: MIT
/// \file
/// The stack of blocks freed lately: pool/magazine.hpp.

#include "millpond/pool/magazine.hpp"

#include <array>
#include <cstddef>

#include <doctest/doctest.h>

using stack = millpond::detail::magazine<8>;

namespace {

std::array<char, 64> places; // addresses to put into stacks; never read

} // namespace

TEST_CASE("what was pushed last is popped first") {
    stack under_test;
    under_test.push(&places[1]);
    under_test.push(&places[2]);
    CHECK(under_test.size() == 2);
    CHECK(under_test.pop() == &places[2]);
    CHECK(under_test.pop() == &places[1]);
    CHECK(under_test.empty());
}

TEST_CASE("the oldest are told from the newest, and a cleared stack takes as many as before") {
    stack under_test;
    for (int round = 0; round < 3; ++round) {
        for (std::size_t i = 0; i < 8; ++i) {
            under_test.push(&places[i]);
        }
        CHECK(under_test.size() == 8);
        CHECK(under_test.oldest(0) == &places[0]);
        CHECK(under_test.oldest(7) == &places[7]);
        under_test.clear();
        CHECK(under_test.empty());
    }
}

TEST_CASE("looking ahead from any state returns an address that was pushed or null") {
    stack under_test;
    CHECK(under_test.peek(4) == nullptr);
    for (std::size_t i = 0; i < 8; ++i) {
        under_test.push(&places[i]);
    }
    CHECK(under_test.peek(1) == &places[7]);
    CHECK(under_test.peek(4) == &places[4]);
}
