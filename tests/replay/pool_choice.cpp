// SPDX-License-Identifier: MIT
#include "replay/events.hpp"
#include <doctest/doctest.h>

using namespace millpond::test;         // NOLINT(google-build-using-namespace): a test
using namespace millpond::tool::replay; // NOLINT(google-build-using-namespace): a test

TEST_CASE("sizes are rounded to 16 bytes and stop at 1024") {
    CHECK(class_of(0, 0) == 0);
    CHECK(class_of(1, 0) == 0);
    CHECK(class_of(16, 0) == 0);
    CHECK(class_of(17, 0) == 1);
    CHECK(class_of(1024, 0) == 63);
    CHECK(class_of(1025, 0) == from_heap);
    CHECK(class_of(32, 16) == 1);
    CHECK(class_of(32, 32) == from_heap);
}

TEST_CASE("pools are chosen by operations until 99 of 100 are covered") {
    class_table classes{};
    classes[3] = {.operations = 900, .live = 0, .peak_live = 7};
    classes[1] = {.operations = 95, .live = 0, .peak_live = 5};
    classes[9] = {.operations = 5, .live = 0, .peak_live = 1};
    const pool_choice choice = choose_pools(classes, 1000);
    REQUIRE(choice.pools.size() == 2);
    CHECK(choice.pools[0].block_bytes == 64);
    CHECK(choice.pools[0].capacity == 7);
    CHECK(choice.pools[1].block_bytes == 32);
    CHECK(choice.covered_operations == 995);
    CHECK(choice.pool_of_class[3] == 0);
    CHECK(choice.pool_of_class[1] == 1);
    CHECK(choice.pool_of_class[9] == from_heap);
}

TEST_CASE("every size gets a pool when large blocks keep the goal out of reach") {
    class_table classes{};
    classes[0] = {.operations = 10, .live = 0, .peak_live = 1};
    classes[5] = {.operations = 20, .live = 0, .peak_live = 2};
    CHECK(choose_pools(classes, 1000).pools.size() == 2);
    CHECK(choose_pools(class_table{}, 1000).pools.empty());
}

TEST_CASE("a pool's capacity is the most blocks of its size that lived at once") {
    const auto plan = plan_of(
        {allocate(0, 30), allocate(1, 25), release(0), allocate(2, 32), release(1), release(2)});
    REQUIRE(plan.facts.pools.size() == 1);
    CHECK(plan.facts.pools[0].block_bytes == 32);
    CHECK(plan.facts.pools[0].capacity == 2);
    CHECK(plan.facts.pooled_operations == 6);
}

TEST_CASE("while a realloc moves from pool to pool both blocks are counted") {
    const auto plan =
        plan_of({allocate(0, 100), allocate(1, 20), reallocate(1, 2, 99), release(0)});
    std::uint64_t capacity = 0;
    for (const pool_spec& pool : plan.facts.pools) {
        capacity = pool.block_bytes == 112 ? pool.capacity : capacity;
    }
    CHECK(capacity == 2);
}

TEST_CASE("a realloc within one block size stays in its pool") {
    const auto plan = plan_of({allocate(0, 20), reallocate(0, 1, 30), release(1)});
    const auto records = records_of(plan);
    CHECK(records[1].pool == records[2].pool);
    REQUIRE(plan.facts.pools.size() == 1);
    CHECK(plan.facts.pools[0].capacity == 1);
}

TEST_CASE("records name the pool of their block's size, large and aligned ones the heap") {
    const auto plan = plan_of(synthetic_events(20000, 5));
    for (const record& r : records_of(plan)) {
        if (r.pool == from_heap) {
            continue;
        }
        REQUIRE(r.pool < plan.head.pool_count);
        const std::uint64_t block = plan.head.pools[r.pool].block_bytes;
        REQUIRE(r.size_bytes <= block);
        REQUIRE(r.size_bytes + pool_step_bytes >= block);
    }
    const auto large = records_of(plan_of({allocate(0, 5000), allocate_aligned(1, 32, 64)}));
    CHECK(large[0].pool == from_heap);
    CHECK(large[1].pool == from_heap);
}
