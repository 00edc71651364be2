// SPDX-License-Identifier: MIT
#include <set>

#include "recorded.hpp"
#include <doctest/doctest.h>

using namespace millpond::tool;
using namespace millpond::test;

TEST_CASE("blocks that travel between threads come in an order that happened") {
    const recording found = record_victim("cross_free");
    REQUIRE(found.status == 0);
    // 4 threads, 20,000 rounds; whatever was exchanged, every block is freed exactly once.
    CHECK(found.asking(0, 7400).size() == 80'000);
    CHECK(found.freed(0, 7400) == 80'000);
    CHECK(found.processes[0].inferred_frees == 0);
    CHECK(found.processes[0].unmatched_frees == 0);
    CHECK(found.processes[0].lost_events == 0);
    CHECK(found.processes[0].threads == 5);
}

TEST_CASE("three thousand threads that live for one block each lose nothing") {
    const recording found = record_victim("many_short");
    REQUIRE(found.status == 0);
    CHECK(found.asking(0, 7401).size() == 3000);
    CHECK(found.freed(0, 7401) == 3000);
    std::set<std::uint32_t> threads;
    for (const event& what : found.asking(0, 7401)) {
        threads.insert(what.thread);
    }
    CHECK(threads.size() == 3000);
    CHECK(found.processes[0].inferred_frees == 0);
}

TEST_CASE("what thread-local destructors allocate is recorded, however late they run") {
    const recording found = record_victim("destructors");
    REQUIRE(found.status == 0);
    CHECK(found.asking(0, 7410).size() == 1);
    CHECK(found.asking(0, 7411).size() == 1);
    CHECK(found.asking(0, 7412).size() == 4);
    CHECK(found.freed(0, 7412) == 4);
}

TEST_CASE("three hundred threads alive at once each have room") {
    const recording found = record_victim("many_alive");
    REQUIRE(found.status == 0);
    CHECK(found.asking(0, 7420).size() == 300);
    CHECK(found.freed(0, 7420) == 300);
    CHECK(found.processes[0].lost_events == 0);
}
