// SPDX-License-Identifier: MIT
/// \file
/// A fork of a program with busy threads in its resources: the child allocates, frees, grows and makes new
/// classes at once; the parent notices nothing.

#include "millpond/millpond.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <string>
#include <thread>

#include "concurrent/crew.hpp"
#include "concurrent/forking.hpp"
#include "marked_blocks.hpp"
#include "sound.hpp"
#include "support/sanitized.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_pool_resource;
using millpond::test::busy_crew;
using millpond::test::check_children;
using millpond::test::dice;
using millpond::test::enough_bytes;
using millpond::test::give_marked;
using millpond::test::require;
using millpond::test::skips_forks;
using millpond::test::take_marked;

namespace {

constexpr int forks = 8;

/// Of classes only where the heap of a child may be locked: AddressSanitizer's is.
constexpr std::size_t most_bytes = millpond::test::sanitized ? 30'000 : 100'000;

/// What a thread of the crew holds at most.
constexpr std::size_t most_held = 24;

/// Threads that take and free blocks of some classes, and have the resource grow and shrink.
busy_crew crew_of(concurrent_pool_resource& resource, std::size_t threads) {
    return busy_crew(threads, [&resource](std::size_t number) {
        thread_local dice random(number);
        std::array<void*, most_held> blocks{};
        for (void*& block : blocks) {
            block = take_marked(resource, random.size(most_bytes), 8);
        }
        for (void* const block : blocks) {
            (void)give_marked(resource, block);
        }
        if (random.below(8) == 0) {
            (void)resource.shrink();
        }
    });
}

/// In a child: a block of every class, those that nobody had used included, and more of some.
void use_all_classes(concurrent_pool_resource& resource) {
    static std::array<void*, 1000> blocks; // not of the heap
    std::size_t had = 0;
    for (std::size_t bytes = 16; bytes <= most_bytes; bytes += 16 + bytes / 20) {
        for (int times = 0; times < 4; ++times) {
            blocks.at(had++) = take_marked(resource, bytes, 8);
        }
    }
    for (std::size_t i = 0; i < had; ++i) {
        require(give_marked(resource, blocks[i]), "a block has changed");
    }
    (void)resource.shrink();
    (void)resource.stats();
}

/// In a child that has recovered.
void require_sound(concurrent_pool_resource& resource) {
    const millpond::verdict found = resource.verify();
    require(bool(found), found ? "" : found.fault);
    const auto now = resource.stats();
    require(now.bytes_committed >= now.bytes_live, "more is live than committed");
}

/// What the lost threads have live stays live: no more than they can have.
void require_no_more_live(const concurrent_pool_resource& resource, std::size_t threads) {
    const auto now = resource.stats();
    require(now.blocks_live + now.unpooled_live <= threads * most_held,
            "blocks are live that nobody has");
}

} // namespace

TEST_CASE("the child of a program with busy threads uses every class of a resource at once") {
    if (skips_forks()) {
        return;
    }
    concurrent_pool_resource resource({.limit_bytes = enough_bytes, .threads = 3});
    {
        const busy_crew others = crew_of(resource, 3);
        check_children(forks, [&](int) { use_all_classes(resource); });
    }
    CHECK(resource.stats().bytes_live == 0);
    CHECK_SOUND(resource, nullptr);
}

TEST_CASE("a child that recovers has a sound resource, and threads of its own use it") {
    if (skips_forks()) {
        return;
    }
    concurrent_pool_resource resource({.limit_bytes = enough_bytes, .threads = 3});
    {
        const busy_crew others = crew_of(resource, 3);
        check_children(forks, [&](int round) {
            if (round % 2 == 0) {
                use_all_classes(resource);
            }
            millpond::recover_after_fork();
            require_sound(resource);
            require_no_more_live(resource, 3);
            millpond::test::run_together(2, [&](std::size_t self) {
                dice random(self);
                for (int i = 0; i < 50; ++i) {
                    void* const block = take_marked(resource, random.size(most_bytes), 64);
                    require(give_marked(resource, block), "a block has changed");
                }
            });
            require_sound(resource);
            require_no_more_live(resource, 3);
            resource.release();
            require(resource.stats().bytes_committed == 0, "a release has kept something");
            use_all_classes(resource);
            require_sound(resource);
        });
    }
    CHECK(resource.stats().bytes_live == 0);
    CHECK_SOUND(resource, nullptr);
}

TEST_CASE("a fork while threads use resources on top of each other leaves both processes whole") {
    if (skips_forks()) {
        return;
    }
    concurrent_pool_resource lower({.name = "lower", .limit_bytes = enough_bytes, .threads = 4});
    concurrent_pool_resource upper({.name = "upper", .max_blocks_per_chunk = 2, .threads = 4},
                                   &lower);
    {
        const busy_crew above = crew_of(upper, 2);
        const busy_crew below = crew_of(lower, 1);
        check_children(forks, [&](int round) {
            use_all_classes(upper);
            use_all_classes(lower);
            if (round % 2 == 0) {
                millpond::recover_after_fork();
                require_sound(upper);
                require_sound(lower);
                require_no_more_live(upper, 2);
                use_all_classes(upper);
            }
        });
    }
    CHECK(upper.stats().bytes_live == 0);
    CHECK(upper.verify());
    upper.release();
    CHECK(lower.stats().bytes_live == 0);
    CHECK_SOUND(lower, nullptr);
}

TEST_CASE("a fork while another thread makes and ends resources leaves both processes whole") {
    if (skips_forks()) {
        return;
    }
    std::atomic<bool> stop = false;
    std::atomic<int> made = 0;
    std::thread maker([&] {
        while (!stop) {
            concurrent_pool_resource lower({.limit_bytes = enough_bytes, .threads = 2});
            concurrent_pool_resource upper({.threads = 2}, &lower);
            upper.deallocate(upper.allocate(100), 100);
            lower.deallocate(lower.allocate(1000), 1000);
            ++made;
        }
    });
    {
        concurrent_pool_resource resource({.limit_bytes = enough_bytes, .threads = 2});
        check_children(forks, [&](int) {
            use_all_classes(resource);
            concurrent_pool_resource own({.limit_bytes = enough_bytes, .threads = 2});
            own.deallocate(own.allocate(64), 64);
            millpond::recover_after_fork();
            require_sound(resource);
            require_sound(own);
        });
        CHECK_SOUND(resource, nullptr);
    }
    while (made == 0) {
        std::this_thread::yield();
    }
    stop = true;
    maker.join();
    CHECK(made > 0);
}
