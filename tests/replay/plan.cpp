// SPDX-License-Identifier: MIT
#include <algorithm>

#include "replay/events.hpp"
#include <doctest/doctest.h>

using namespace millpond::test;         // NOLINT(google-build-using-namespace): a test
using namespace millpond::tool::replay; // NOLINT(google-build-using-namespace): a test
using millpond::tool::trace_error;

TEST_CASE("a slot is used again as soon as its block is freed") {
    const auto plan =
        plan_of({allocate(0, 10), allocate(1, 20), release(0), allocate(2, 30), release(2)});
    const auto records = records_of(plan);
    REQUIRE(records.size() == 6);
    CHECK(plan.head.slots == 2);
    CHECK(records[3].slot == records[0].slot);
    CHECK(records[3].size_bytes == 30);
    CHECK(records[4].what == action::free);
    CHECK(records[4].slot == records[0].slot);
}

TEST_CASE("a free says the size that its block was asked for") {
    const auto records = records_of(plan_of({allocate(0, 77), release(0)}));
    CHECK(records[1].size_bytes == 77);
}

TEST_CASE("a free says the alignment that its block was asked for") {
    const auto records =
        records_of(plan_of({allocate(0, 77), allocate_aligned(1, 77, 64), release(1), release(0)}));
    CHECK(records[0].alignment_log2 == 0);
    CHECK(records[1].alignment_log2 == 6);
    CHECK(records[2].alignment_log2 == 6);
    CHECK(records[3].alignment_log2 == 0);
}

TEST_CASE("a realloc says the alignment that there was, and leaves none") {
    const auto records =
        records_of(plan_of({allocate_aligned(0, 40, 64), reallocate(0, 1, 400), release(1)}));
    REQUIRE(records.size() == 4);
    CHECK(records[1].alignment_log2 == 6);
    CHECK(records[2].alignment_log2 == 0);
    CHECK(records[3].alignment_log2 == 0);
}

TEST_CASE("a realloc keeps the slot and says what was and what becomes") {
    const auto plan = plan_of({allocate(0, 40), reallocate(0, 1, 400), release(1)});
    const auto records = records_of(plan);
    REQUIRE(records.size() == 4);
    CHECK(records[1].what == action::resize_from);
    CHECK(records[1].size_bytes == 40);
    CHECK(records[2].what == action::resize_to);
    CHECK(records[2].size_bytes == 400);
    CHECK(records[2].slot == records[0].slot);
    CHECK(records[3].size_bytes == 400);
    CHECK(plan.head.operations == 3);
    CHECK(plan.head.slots == 1);
    CHECK(plan.facts.reallocations == 1);
}

TEST_CASE("a realloc to nothing stays a live block, because its block was freed later") {
    const auto records = records_of(plan_of({allocate(0, 40), reallocate(0, 1, 0), release(1)}));
    CHECK(records[2].size_bytes == 1);
}

TEST_CASE("a block that is never freed is looked at after the end, not freed") {
    const auto plan = plan_of({allocate(0, 10), allocate(1, 20), release(0)});
    CHECK(plan.head.records == 3);
    REQUIRE(plan.head.checks == 1);
    CHECK(plan.facts.never_freed == 1);
    const auto records = records_of(plan);
    CHECK(records[3].what == action::check);
    CHECK(records[3].slot == records[1].slot);
    CHECK(records[3].size_bytes == 20);
}

TEST_CASE("peaks count what was live at once") {
    const auto plan = plan_of({allocate(0, 100),
                               allocate(1, 50),
                               release(0),
                               allocate(2, 60),
                               reallocate(2, 3, 20),
                               release(1)});
    CHECK(plan.facts.peak_live_blocks == 2);
    CHECK(plan.facts.peak_live_bytes == 150);
    CHECK(plan.facts.largest_bytes == 100);
}

TEST_CASE("the player's table is as small as the number of blocks that live at once") {
    const auto plan = plan_of(synthetic_events(20000, 1));
    CHECK(plan.head.slots == plan.facts.peak_live_blocks);
    for (const record& r : records_of(plan)) {
        REQUIRE(r.slot < plan.head.slots);
    }
}

TEST_CASE("no slot holds two blocks at once") {
    const auto plan = plan_of(synthetic_events(20000, 2));
    std::vector<bool> taken(plan.head.slots, false);
    for (const record& r : records_of(plan)) {
        const bool begins = r.what == action::allocate || r.what == action::allocate_zeroed ||
                            r.what == action::allocate_aligned;
        REQUIRE(taken[r.slot] == !begins);
        taken[r.slot] = r.what != action::free;
    }
}

TEST_CASE("an alignment is a power of two that posix_memalign takes") {
    const auto records = records_of(plan_of(
        {allocate_aligned(0, 9, 1), allocate_aligned(1, 9, 64), allocate_aligned(2, 9, 48)}));
    CHECK(records[0].alignment_log2 == 3);
    CHECK(records[1].alignment_log2 == 6);
    CHECK(records[2].alignment_log2 == 6);
}

TEST_CASE("events that contradict the events before them are refused") {
    CHECK_THROWS_AS((void)plan_of({release(0)}), trace_error);
    CHECK_THROWS_AS((void)plan_of({allocate(0, 1), release(0), release(0)}), trace_error);
    CHECK_THROWS_AS((void)plan_of({allocate(0, 1), allocate(0, 1)}), trace_error);
    CHECK_THROWS_AS((void)plan_of({reallocate(0, 1, 8)}), trace_error);
    CHECK_THROWS_AS((void)plan_of({allocate(0, 1), allocate(1, 1), reallocate(0, 1, 8)}),
                    trace_error);
    CHECK_THROWS_AS((void)plan_of({allocate(std::uint64_t{1} << 60U, 1)}), trace_error);
    CHECK_THROWS_WITH_AS((void)plan_of({allocate(0, 1), release(7)}),
                         doctest::Contains("event 1 of the process"),
                         trace_error);
}

TEST_CASE("a plan without events is a plan") {
    const auto plan = plan_of({});
    CHECK(plan.head.magic == plan_magic);
    CHECK(plan.head.records == 0);
    CHECK(plan.facts.plan_bytes == plan_records_offset);
}

TEST_CASE("a plan takes 16 bytes an event, 32 for a realloc") {
    const auto events = synthetic_events(150000, 3); // more than the builder buffers
    const auto plan = plan_of(events);
    CHECK(plan.facts.operations == events.size());
    CHECK(plan.head.records == events.size() + plan.facts.reallocations);
    CHECK(plan.facts.plan_bytes ==
          plan_records_offset + 16 * (plan.head.records + plan.head.checks));
}
