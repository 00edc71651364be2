// SPDX-License-Identifier: MIT
/// \file
/// The operating system and the heap refuse an arena their k-th call, for every k: construction throws
/// and leaves nothing, growth fails and leaves the arena as it was.

#include "millpond/pool/frame_arena.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>

#include "arena_objects.hpp"
#include "fault_plan.hpp"
#include "fault_walk.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::arena;
using millpond::test::armed_fault;
using millpond::test::plan;
using millpond::test::walk_construction;
using millpond::test::walk_result;

namespace {

constexpr std::size_t page = 4096;

template <class Arena>
walk_result walk_construction_of(const millpond::arena_options& options) {
    return walk_construction([&](const auto& built) {
        Arena home(options);
        built();
        std::memset(home.allocate(100), 1, 100);
        CHECK(home.verify());
    });
}

/// Grows a full arena with every call failing, and all after it; how many calls there were.
int walk_growth(const millpond::memory_options& memory, bool prefault) {
    for (int k = 0;; ++k) {
        CAPTURE(k);
        arena home({.name = "faulty",
                    .capacity = 4 * page,
                    .max_capacity = 2000 * page,
                    .prefault = prefault,
                    .memory = memory});
        millpond::test::destroyed.clear();
        (void)home.create<millpond::test::object>(1);
        (void)home.allocate(home.available(), 1);
        const std::size_t committed = home.stats().bytes_committed;
        void* grown = nullptr;
        {
            const armed_fault fault(k, true);
            grown = home.try_allocate(1);
        }
        CHECK((grown == nullptr) == plan.met);
        if (!plan.met) {
            return k;
        }
        CHECK(home.stats().growth_error == ENOMEM);
        CHECK(home.stats().failures == 1);
        CHECK(home.capacity() == 4 * page);
        CHECK(home.size() == 4 * page);
        CHECK(home.stats().bytes_committed == committed);
        CHECK_SOUND(home);
        {
            const armed_fault fault(k, true);
            CHECK_THROWS_WITH_AS((void)home.create<millpond::test::object>(2),
                                 "millpond: pool 'faulty' is exhausted: 40 bytes do not fit, "
                                 "capacity 16384 bytes, peak 16384 bytes; growing was refused: "
                                 "Cannot allocate memory",
                                 millpond::pool_exhausted);
        }
        {
            const armed_fault fault(k, true);
            CHECK_THROWS_AS(home.reserve(100 * page), millpond::pool_exhausted);
        }
        CHECK(home.size() == 4 * page);
        CHECK(home.allocate(1) != nullptr); // the system is willing again
        CHECK(home.stats().growth_error == 0);
        home.clear();
        CHECK(millpond::test::destroyed.size() == 1);
    }
}

} // namespace

TEST_CASE("a mapped arena whose construction is refused at any point throws and leaves nothing") {
    const walk_result walked = walk_construction_of<arena>({.name = "faulty", .capacity = 1000});
    CHECK(walked.failure_points == 2); // a reservation, a commit
    CHECK(walked.refused == 2);
}

TEST_CASE("a locked and prefaulted arena that is refused at any point throws and leaves nothing") {
    const walk_result walked =
        walk_construction_of<arena>({.name = "faulty",
                                     .capacity = 1000,
                                     .max_capacity = 1'000'000,
                                     .prefault = true,
                                     .memory = {.lock = true, .guard_pages = true}});
    CHECK(walked.failure_points >= 4); // reserve, commit, lock, populate
    CHECK(walked.refused == walked.failure_points);
}

TEST_CASE("an arena on the heap that is refused throws and leaves nothing") {
    const walk_result walked = walk_construction_of<arena>(
        {.name = "faulty", .capacity = 1000, .memory = {.source = millpond::memory_source::heap}});
    CHECK(walked.failure_points == 1);
    CHECK(walked.refused == 1);
}

TEST_CASE("a pair of frames that is refused at any point throws and leaves nothing of either") {
    const walk_result walked =
        walk_construction_of<millpond::frame_arena>({.name = "faulty", .capacity = 1000});
    CHECK(walked.failure_points == 4);
    CHECK(walked.refused == 4);
}

TEST_CASE("an arena whose growth is refused at any point stays as it was and usable") {
    CHECK(walk_growth({}, false) >= 1);
    CHECK(walk_growth({.lock = true, .guard_pages = true}, true) >= 3);
}

TEST_CASE("an arena whose pages the system does not take back stays as it was") {
    arena home({.name = "faulty", .capacity = 100 * page});
    std::memset(home.allocate(100 * page), 1, 100 * page);
    home.clear();
    {
        const armed_fault fault(0);
        CHECK(home.shrink() == 0);
    }
    CHECK(plan.met);
    CHECK_SOUND(home);
    CHECK(home.shrink() == 100 * page);
}
