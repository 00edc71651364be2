// SPDX-License-Identifier: MIT
/// \file
/// The operating system and the heap refuse their k-th call, for every k: construction throws and
/// leaves nothing, growth fails and leaves the pool as it was.

#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/concurrent_object_pool.hpp"
#include "millpond/pool/object_pool.hpp"

#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "fault_plan.hpp"
#include "fault_walk.hpp"
#include "process_maps.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::test::armed_fault;
using millpond::test::no_failure;
using millpond::test::plan;
using millpond::test::walk_construction;
using millpond::test::walk_result;

namespace {

constexpr std::size_t page = 4096;

/// A walk over a pool's construction.
struct pool_walk : walk_result {
    int unreported = 0; ///< failures that neither threw nor show in the statistics
};

pool_walk walk_construction_of(const millpond::block_pool_options& options) {
    pool_walk result;
    static_cast<walk_result&>(result) = walk_construction([&](const auto& built) {
        millpond::block_pool pool(options);
        built();
        void* const block = pool.allocate();
        pool.deallocate(block);
        CHECK_SOUND(pool);
        if (plan.met && pool.stats().page_size_error != ENOMEM) {
            ++result.unreported;
        }
    });
    return result;
}

/// Grows a full pool by one block with every call failing, and all after it.
int walk_growth(const millpond::memory_options& memory, bool prefault) {
    int failure_points = 0;
    for (int k = 0;; ++k) {
        CAPTURE(k);
        millpond::block_pool pool({.name = "faulty",
                                   .block_bytes = page,
                                   .capacity = 4,
                                   .max_capacity = 2000,
                                   .prefault = prefault,
                                   .memory = memory});
        std::vector<void*> blocks(4);
        pool.allocate_bulk(blocks);
        const std::size_t committed = pool.stats().bytes_committed;
        void* grown = nullptr;
        {
            const armed_fault fault(k, true);
            grown = pool.try_allocate();
        }
        CHECK((grown == nullptr) == plan.met);
        if (!plan.met) {
            pool.clear();
            return failure_points;
        }
        ++failure_points;
        CHECK(pool.stats().growth_error == ENOMEM);
        CHECK(pool.stats().failures == 1);
        CHECK(pool.capacity() == 4);
        CHECK(pool.stats().bytes_committed == committed);
        CHECK_SOUND(pool);
        {
            const armed_fault fault(k, true);
            CHECK_THROWS_WITH_AS((void)pool.allocate(),
                                 "millpond: pool 'faulty' is exhausted: capacity 4, peak 4; "
                                 "growing was refused: Cannot allocate memory",
                                 millpond::pool_exhausted);
        }
        {
            const armed_fault fault(k, true);
            CHECK_THROWS_AS(pool.reserve(100), millpond::pool_exhausted);
        }
        {
            const armed_fault fault(k, true);
            std::vector<void*> out(3);
            CHECK_THROWS_AS(pool.allocate_bulk(out), millpond::pool_exhausted);
        }
        CHECK(pool.size() == 4);
        CHECK(pool.high_water() == 4);
        pool.deallocate(blocks[2]);
        CHECK(pool.allocate() == blocks[2]);
        CHECK(pool.allocate() != nullptr); // the system is willing again
        CHECK(pool.stats().growth_error == 0);
        CHECK_SOUND(pool);
        pool.clear();
    }
}

/// Makes the first shared owner of a pool with every call failing once.
template <class Pool, class Options>
int walk_sharing(const Options& options) {
    for (int k = 0;; ++k) {
        CAPTURE(k);
        Pool pool(options);
        std::shared_ptr<int> owner;
        std::string text;
        {
            const armed_fault fault(k);
            try {
                owner = pool.make_shared(7);
            } catch (const std::system_error& refusal) {
                text = refusal.what();
            }
            CHECK((plan.mapped == 0 && plan.on_heap == 0) == text.starts_with("millpond: "));
        }
        CHECK(pool.verify());
        if (!plan.met) {
            CHECK(*owner == 7);
            return k;
        }
        CHECK(text.starts_with("millpond: pool 'faulty.shared': cannot "));
        CHECK(pool.stats().live == 0);
        CHECK(pool.shared_stats().capacity == 0);
        owner = pool.make_shared(8); // the system is willing again
        CHECK(*owner == 8);
    }
}

/// Lets a weak pointer outlive its pool, and demands that nothing is left in the end.
template <class Pool, class Options>
void leave_weak(const Options& options) {
    const armed_fault nothing(no_failure);
    std::weak_ptr<int> weak;
    {
        Pool pool(options);
        weak = pool.make_shared(7);
        const std::weak_ptr<int> another = pool.make_shared(8);
    }
    CHECK(plan.mapped + plan.on_heap > 0); // the control block's home
    weak.reset();
    CHECK(plan.mapped == 0);
    CHECK(plan.on_heap == 0);
    {
        Pool pool(options);
        (void)pool.make_shared(7);
    }
    CHECK(plan.mapped == 0);
    CHECK(plan.on_heap == 0);
}

using millpond::concurrent_object_pool;
using millpond::object_pool;
constexpr millpond::memory_options on_heap{.source = millpond::memory_source::heap};
constexpr millpond::memory_options in_pages{.source = millpond::memory_source::mapped};

} // namespace

TEST_CASE("a mapped pool whose construction is refused at any point throws and leaves nothing") {
    const pool_walk walked =
        walk_construction_of({.name = "faulty", .block_bytes = 64, .capacity = 1000});
    CHECK(walked.failure_points >= 4); // two reservations, two commits
    CHECK(walked.refused == walked.failure_points);
}

TEST_CASE("a locked and prefaulted and guarded pool that is refused at any point leaves nothing") {
    const pool_walk walked = walk_construction_of({.name = "faulty",
                                                   .block_bytes = 64,
                                                   .capacity = 1000,
                                                   .max_capacity = 100'000,
                                                   .prefault = true,
                                                   .memory = {.lock = true, .guard_pages = true}});
    CHECK(walked.failure_points >= 8); // reserve, commit, lock, populate; twice
    CHECK(walked.refused == walked.failure_points);
}

TEST_CASE("a pool with much metadata that is refused at any point throws and leaves nothing") {
    const pool_walk walked = walk_construction_of({.name = "faulty",
                                                   .block_bytes = 64,
                                                   .capacity = 1000,
                                                   .max_capacity = 100'000'000,
                                                   .memory = {.lock = true, .guard_pages = true}});
    CHECK(walked.failure_points >= 6);                  // reserve, make readable, commit, lock
    CHECK(walked.refused >= walked.failure_points - 4); // what is committed ahead is given up
}

TEST_CASE("a pool on the heap that is refused at any point throws and leaves nothing") {
    const pool_walk walked =
        walk_construction_of({.name = "faulty",
                              .block_bytes = 64,
                              .capacity = 1000,
                              .memory = {.source = millpond::memory_source::heap}});
    CHECK(walked.failure_points == 2);
    CHECK(walked.refused == 2);
}

TEST_CASE("a refused page size falls back and is reported when a fallback is allowed") {
    for (const auto pages : {millpond::page_size::transparent_huge,
                             millpond::page_size::huge_2mib,
                             millpond::page_size::huge_1gib}) {
        const pool_walk walked = walk_construction_of(
            {.name = "faulty", .block_bytes = 64, .capacity = 1000, .memory = {.pages = pages}});
        CHECK(walked.failure_points >= 5);
        CHECK(walked.refused < walked.failure_points);
        CHECK(walked.unreported <= 1); // the metadata's page size, for which nobody asked
    }
}

TEST_CASE("a refused page size is an error when no fallback is allowed") {
    const pool_walk walked = walk_construction_of(
        {.name = "faulty",
         .block_bytes = 64,
         .capacity = 1000,
         .memory = {.pages = millpond::page_size::transparent_huge, .huge_page_fallback = false}});
    CHECK(walked.failure_points >= 6);
    CHECK(walked.refused == walked.failure_points - 1);
    CHECK(walked.unreported == 1); // the metadata's page size, for which nobody asked
}

TEST_CASE("growth that is refused at any point leaves the pool as it was and usable") {
    CHECK(walk_growth({}, false) >= 1);
}

TEST_CASE("growth that is refused once goes on with a smaller step") {
    for (const bool locks : {false, true}) {
        for (int k = 0;; ++k) {
            CAPTURE(k);
            millpond::block_pool pool({.name = "faulty",
                                       .block_bytes = page,
                                       .capacity = 4,
                                       .max_capacity = 2000,
                                       .prefault = locks,
                                       .memory = {.lock = locks}});
            std::vector<void*> blocks(5);
            {
                const armed_fault fault(k);
                pool.allocate_bulk(blocks);
            }
            if (!plan.met) {
                CHECK(k == (locks ? 3 : 1));
                CHECK(pool.capacity() == 4 + 512); // 2 MiB
                pool.clear();
                break;
            }
            CHECK(pool.capacity() == 4 + 128);
            CHECK(pool.stats().growth_error == 0);
            CHECK_SOUND(pool);
            pool.clear();
        }
    }
}

TEST_CASE("growth of a locked and prefaulted pool that is refused leaves it as it was and usable") {
    CHECK(walk_growth({.lock = true, .guard_pages = true}, true) >= 3);
}

TEST_CASE("a pool whose pages may not be advised on is prefaulted by touching them") {
    for (const int error : {EPERM, EACCES, ENOSYS, EINVAL}) {
        CAPTURE(error);
        const millpond::test::refused_advice sandbox(error);
        millpond::block_pool pool({.name = "p",
                                   .block_bytes = page,
                                   .capacity = 100,
                                   .max_capacity = 2000,
                                   .prefault = true});
        std::vector<void*> blocks(100);
        pool.allocate_bulk(blocks);
        CHECK(millpond::test::resident_bytes(blocks[0], 100 * page) == 100 * page);
        void* const grown = pool.allocate();
        CHECK(millpond::test::resident_bytes(grown, 512 * page) == 512 * page);
        CHECK_SOUND(pool);
        pool.clear();
    }
}

TEST_CASE("huge pages that may not be advised on fall back and say why") {
    const millpond::test::refused_advice sandbox(EPERM);
    for (const bool prefault : {false, true}) {
        millpond::block_pool pool({.name = "p",
                                   .block_bytes = 64,
                                   .capacity = 1000,
                                   .prefault = prefault,
                                   .memory = {.pages = millpond::page_size::transparent_huge}});
        CHECK(pool.stats().pages == millpond::page_size::standard);
        CHECK(pool.stats().page_size_error == EPERM);
        pool.deallocate(pool.allocate());
    }
}

TEST_CASE("growth that needs metadata too is refused at any point without harm") {
    for (int k = 0;; ++k) {
        CAPTURE(k);
        millpond::block_pool pool(
            {.name = "faulty", .block_bytes = 8, .capacity = 1, .max_capacity = 10'000'000});
        const std::size_t ready = pool.capacity();
        std::vector<void*> blocks(ready);
        pool.allocate_bulk(blocks);
        bool is_grown = true;
        {
            const armed_fault fault(k, true);
            try {
                pool.reserve(5'000'000); // more than the metadata that is committed ahead
            } catch (const millpond::pool_exhausted&) {
                is_grown = false;
            }
        }
        CHECK(is_grown == !plan.met);
        if (is_grown) {
            CHECK(k >= 2); // blocks, positions
            pool.clear();
            break;
        }
        CHECK(pool.capacity() == ready);
        CHECK_SOUND(pool);
        void* const grown = pool.allocate(); // the system is willing again
        CHECK_SOUND(pool);
        pool.deallocate(grown);
        pool.deallocate_bulk(blocks);
    }
}

TEST_CASE("a discard that is refused gives nothing back and harms nothing") {
    millpond::block_pool pool({.name = "faulty", .block_bytes = page, .capacity = 100});
    std::vector<void*> blocks(100);
    pool.allocate_bulk(blocks);
    for (void* const block : blocks) {
        *static_cast<char*>(block) = 'x';
    }
    pool.deallocate_bulk(blocks);
    {
        const armed_fault fault(0);
        CHECK(pool.shrink() == 0);
    }
    CHECK(plan.met);
    CHECK_SOUND(pool);
    CHECK(pool.shrink() == 100 * page);
    CHECK_SOUND(pool);
}

TEST_CASE("control blocks that are refused at any point leave the pool without them and usable") {
    using options = millpond::object_pool_options;
    CHECK(walk_sharing<object_pool<int>>(
              options{.name = "faulty", .capacity = 1000, .memory = in_pages}) >= 6);
    CHECK(walk_sharing<object_pool<int>>(options{.name = "faulty",
                                                 .capacity = 1000,
                                                 .prefault = true,
                                                 .memory = {.lock = true, .guard_pages = true}}) >=
          12); // reserve, commit, lock, populate; three times
    CHECK(walk_sharing<object_pool<int>>(
              options{.name = "faulty", .capacity = 1000, .memory = on_heap}) == 3);
    using shared_options = millpond::concurrent_object_pool_options;
    CHECK(walk_sharing<concurrent_object_pool<int>>(
              shared_options{.name = "faulty", .capacity = 1000}) >= 6);
    CHECK(walk_sharing<concurrent_object_pool<int>>(
              shared_options{.name = "faulty", .capacity = 1000, .memory = on_heap}) == 3);
}

TEST_CASE("control blocks that outlive their pool keep memory until the last of them is gone") {
    leave_weak<object_pool<int>>(millpond::object_pool_options{.capacity = 1000});
    leave_weak<object_pool<int>>(
        millpond::object_pool_options{.capacity = 1000, .memory = on_heap});
    leave_weak<concurrent_object_pool<int>>(
        millpond::concurrent_object_pool_options{.capacity = 1000});
    leave_weak<concurrent_object_pool<int>>(
        millpond::concurrent_object_pool_options{.capacity = 1000, .memory = on_heap});
}
