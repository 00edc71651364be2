// SPDX-License-Identifier: MIT
/// \file
/// The ring of blocks freed lately: pool/magazine.hpp.

#include "millpond/pool/magazine.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <random>

#include <doctest/doctest.h>

using ring = millpond::detail::magazine<8>;

namespace {

std::array<char, 64> places; // addresses to put into rings; never read

} // namespace

TEST_CASE("what was pushed last is popped first") {
    ring under_test;
    under_test.push(&places[1]);
    under_test.push(&places[2]);
    CHECK(under_test.size() == 2);
    CHECK(under_test.pop() == &places[2]);
    CHECK(under_test.pop() == &places[1]);
    CHECK(under_test.empty());
}

TEST_CASE("a ring agrees with a deque through any number of turns") {
    ring under_test;
    std::deque<void*> model;
    std::mt19937 random(3);
    bool same = true;
    for (int step = 0; step < 100'000; ++step) {
        const auto choice = random() % 8;
        if (choice < 4 && !under_test.full()) {
            void* const place = &places[random() % places.size()];
            under_test.push(place);
            model.push_back(place);
        } else if (choice < 7 && !under_test.empty()) {
            same = same && under_test.pop() == model.back();
            model.pop_back();
        } else if (choice == 7 && !under_test.empty()) {
            for (std::uint32_t i = 0; i < under_test.size(); ++i) {
                same = same && under_test.oldest(i) == model[i];
            }
            same = same && under_test.pop_oldest() == model.front();
            model.pop_front();
        }
        same = same && under_test.size() == model.size();
        same = same && under_test.empty() == model.empty();
        same = same && under_test.full() == (model.size() == 8);
    }
    CHECK(same);
}

TEST_CASE("a cleared ring is empty and takes as many blocks as before") {
    ring under_test;
    for (int round = 0; round < 5; ++round) {
        for (std::size_t i = 0; i < 8; ++i) {
            CHECK_FALSE(under_test.full());
            under_test.push(&places[i]);
        }
        CHECK(under_test.full());
        (void)under_test.pop_oldest();
        under_test.clear();
        CHECK(under_test.empty());
    }
}

TEST_CASE("looking ahead from any state returns an address that was pushed or null") {
    ring under_test;
    CHECK(under_test.peek(4) == nullptr);
    for (std::size_t i = 0; i < 8; ++i) {
        under_test.push(&places[i]);
    }
    CHECK(under_test.peek(1) == &places[7]);
    CHECK(under_test.peek(4) == &places[4]);
}

TEST_CASE("a magazine is the power of two that holds a small pool and no more than asked for") {
    using millpond::detail::magazine_entries_for;
    CHECK(magazine_entries_for(1, 64) == 1);
    CHECK(magazine_entries_for(3, 64) == 4);
    CHECK(magazine_entries_for(64, 16) == 16);
    CHECK(magazine_entries_for(1000, 48) == 256);
    CHECK(magazine_entries_for(1'000'000, 64) == 1024);
}
