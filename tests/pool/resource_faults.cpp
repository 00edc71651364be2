// SPDX-License-Identifier: MIT
/// \file
/// The system refuses a resource its address space, for a while.

#include "millpond/adapt/concurrent_pool_resource.hpp"
#include "millpond/adapt/pool_resource.hpp"

#include <cstddef>
#include <cstring>
#include <memory_resource>
#include <vector>

#include "fault_plan.hpp"
#include <doctest/doctest.h>

using millpond::test::armed_fault;
using millpond::test::plan;

TEST_CASE_TEMPLATE(
    "a class that is refused a pool is served upstream, and not asked for at every call",
    Resource,
    millpond::pool_resource,
    millpond::concurrent_pool_resource) {
    for (std::pmr::memory_resource* const upstream :
         {static_cast<std::pmr::memory_resource*>(nullptr), std::pmr::new_delete_resource()}) {
        Resource resource({.name = "faulty"}, upstream);
        std::vector<void*> taken;
        const auto take = [&] {
            taken.push_back(resource.allocate(64));
            std::memset(taken.back(), 1, 64);
        };
        {
            const armed_fault fault(0, true);
            take();
            const std::ptrdiff_t of_the_first = plan.failures;
            CHECK(of_the_first > 0);
            for (int i = 0; i < 900; ++i) {
                take();
            }
            CHECK(plan.failures == of_the_first);
        }
        CHECK(resource.stats().pools == 0);
        CHECK(resource.stats().unpooled_live == 901);
        for (int i = 0; i < 200; ++i) {
            take();
        }
        CHECK(resource.stats().pools == 1);
        CHECK(resource.stats().blocks_live == 100);
        for (void* const block : taken) {
            resource.deallocate(block, 64);
        }
        CHECK(resource.stats().unpooled_live == 0);
        CHECK(resource.stats().blocks_live == 0);
        CHECK(resource.verify());
    }
}

TEST_CASE("a reservation does not wait, and a released resource has forgotten the refusal") {
    millpond::pool_resource resource({.name = "faulty"});
    const auto be_refused = [&] {
        const armed_fault fault(0, true);
        resource.deallocate(resource.allocate(64), 64);
        CHECK(plan.failures > 0);
        CHECK(resource.stats().pools == 0);
    };
    be_refused();
    resource.reserve(10, 64);
    CHECK(resource.stats().pools == 1);
    resource.release();
    be_refused();
    resource.release();
    resource.deallocate(resource.allocate(64), 64);
    CHECK(resource.stats().pools == 1);
}

TEST_CASE_TEMPLATE(
    "a resource is made and serves requests although the system refuses it every page",
    Resource,
    millpond::pool_resource,
    millpond::concurrent_pool_resource) {
    for (std::pmr::memory_resource* const upstream :
         {static_cast<std::pmr::memory_resource*>(nullptr), std::pmr::new_delete_resource()}) {
        const armed_fault fault(0, true);
        Resource resource({.name = "faulty"}, upstream);
        void* const small = resource.allocate(64);
        void* const large = resource.allocate(100'000);
        CHECK(plan.failures > 0);
        CHECK(resource.stats().unpooled_live == 2);
        resource.deallocate(small, 64);
        resource.deallocate(large, 100'000);
        CHECK(resource.stats().unpooled_live == 0);
        CHECK(resource.verify());
    }
}
