// SPDX-License-Identifier: MIT
/// \file
/// The operating system refuses a pool of handles its k-th call.

#include "millpond/pool/handle_pool.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <vector>

#include "fault_plan.hpp"
#include "fault_walk.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::test::armed_fault;
using millpond::test::plan;
using millpond::test::walk_construction;
using millpond::test::walk_result;

namespace {

constexpr std::size_t page = 4096;

struct large_object {
    std::array<std::byte, page> bytes{};
};

} // namespace

TEST_CASE("a handle pool that is refused at any point of its construction leaves nothing") {
    const walk_result walked = walk_construction([](const auto& built) {
        millpond::handle_pool<large_object> pool(
            {.name = "faulty", .capacity = 10, .prefault = true, .memory = {.lock = true}});
        built();
        CHECK(pool.create());
        CHECK_SOUND(pool);
    });
    CHECK(walked.refused >= 8); // reserve, commit, lock, populate; twice
}

TEST_CASE("a handle pool whose growth is refused stays as it was and can grow later") {
    millpond::handle_pool<large_object> pool(
        {.name = "faulty", .capacity = 4, .max_capacity = 900});
    const std::array made = {pool.create(), pool.create(), pool.create(), pool.create()};
    {
        const armed_fault fault(0, true);
        CHECK(!pool.try_create());
        CHECK(plan.met);
    }
    {
        const armed_fault fault(0, true);
        CHECK_THROWS_WITH_AS(pool.create(),
                             "millpond: pool 'faulty' is exhausted: capacity 4, peak 4; "
                             "growing was refused: Cannot allocate memory",
                             millpond::pool_exhausted);
    }
    CHECK(pool.size() == 4);
    CHECK(pool.stats().growth_error == ENOMEM);
    CHECK_SOUND(pool);
    CHECK(pool.create());
    CHECK(pool.contains(made[3]));
    CHECK_SOUND(pool);
}

TEST_CASE("a restore that the system refuses memory for changes nothing") {
    millpond::handle_pool<large_object> many({.name = "many", .capacity = 800});
    millpond::handle_pool<large_object> pool(
        {.name = "faulty", .capacity = 4, .max_capacity = 900});
    for (int i = 0; i < 700; ++i) {
        (void)many.create();
    }
    std::vector<std::byte> taken(many.snapshot_bytes());
    (void)many.snapshot(taken);
    const millpond::handle<large_object> own = pool.create();
    {
        const armed_fault fault(0);
        CHECK_THROWS_AS(pool.restore(taken), millpond::pool_exhausted);
        CHECK(plan.met);
    }
    CHECK(pool.size() == 1);
    CHECK(pool.contains(own));
    CHECK_SOUND(pool);
    pool.restore(taken);
    CHECK(pool.size() == 700);
}

TEST_CASE("handles whose slots the system refuses memory for are refused one by one") {
    // Every object takes a new slot, so there are more slots than places.
    using handles = millpond::handle_pool<int>;
    handles pool({.name = "faulty", .capacity = 1, .max_capacity = 200'000, .generations = 1});
    std::size_t used = 0;
    {
        const armed_fault fault(0, true);
        for (; used < 200'000; ++used) {
            const auto made = pool.try_create(1);
            if (!made) {
                break;
            }
            CHECK(pool.destroy(made));
        }
    }
    CHECK(plan.met);
    CHECK(used >= 32'768);
    CHECK(pool.stats().growth_error == ENOMEM);
    CHECK_SOUND(pool);
    for (; used < 200'000; ++used) {
        REQUIRE(pool.destroy(pool.create(1)));
    }
    CHECK(pool.retired() == 200'000);
    CHECK_SOUND(pool);
}
