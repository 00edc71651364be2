// SPDX-License-Identifier: MIT
#include "replay/contenders.hpp"

#include <iterator>
#include <stdexcept>

#include "replay/runner.hpp"
#include <doctest/doctest.h>

using namespace millpond::tool::replay; // NOLINT(google-build-using-namespace): a test

TEST_CASE("an unknown allocator is refused with the list of the known") {
    CHECK_THROWS_WITH_AS((void)find_contenders({"glibc", "hoard"}, MILLPOND_PLAYER),
                         doctest::Contains("unknown allocator 'hoard'; known are glibc, jemalloc, "
                                           "mimalloc, tcmalloc, tbbmalloc, millpond, "
                                           "millpond-mr"),
                         std::invalid_argument);
}

TEST_CASE("an allocator that is named twice is refused") {
    CHECK_THROWS_WITH_AS((void)find_contenders({"glibc", "glibc"}, MILLPOND_PLAYER),
                         doctest::Contains("'glibc' twice"),
                         std::invalid_argument);
}

TEST_CASE("a library that is not there or not a library is refused") {
    CHECK_THROWS_WITH_AS((void)find_contenders({"mine=/no/such/library.so"}, MILLPOND_PLAYER),
                         doctest::Contains("No such file"),
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS((void)find_contenders({"mine=/etc/passwd"}, MILLPOND_PLAYER),
                         doctest::Contains("cannot be preloaded or provides no malloc"),
                         std::invalid_argument);
}

TEST_CASE("glibc and millpond are always there, every known one is present or missing") {
    const line_up all = find_contenders({}, MILLPOND_PLAYER);
    CHECK(all.present.size() + all.missing.size() == known_contenders().size());
    REQUIRE(all.present.size() >= 3);
    CHECK(all.present.front().name == "glibc");
    CHECK(std::prev(all.present.end(), 2)->name == "millpond");
    CHECK(std::prev(all.present.end(), 2)->heap == "pools");
    CHECK(all.present.back().name == "millpond-mr");
    CHECK(all.present.back().heap == "resource");
    for (const contender& c : all.present) {
        CHECK_FALSE(c.malloc_file.empty());
    }
}

TEST_CASE("a preloaded allocator's malloc is its own") {
    for (const contender& c : find_contenders({}, MILLPOND_PLAYER).present) {
        CHECK_MESSAGE(
            (c.preload.empty() || c.malloc_file.find(c.preload.substr(0, 8)) != std::string::npos),
            c.name);
    }
}

TEST_CASE("a player that is not there is an error that names it") {
    CHECK_THROWS_WITH_AS((void)probe_malloc(contender_named("glibc"), "/no/player"),
                         doctest::Contains("/no/player"),
                         std::runtime_error);
}
