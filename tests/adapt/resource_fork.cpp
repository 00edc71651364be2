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
#include <vector>

#include "concurrent/crew.hpp"
#include "marked_blocks.hpp"
#include "pool/child.hpp"
#include "sound.hpp"
#include "support/sanitized.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_pool_resource;
using millpond::test::dice;
using millpond::test::enough_bytes;
using millpond::test::give_marked;
using millpond::test::run_in_child;
using millpond::test::take_marked;

namespace {

/// How long a child may take before it counts as stuck.
constexpr unsigned stuck_s = 60;

constexpr int forks = 8;

/// Of classes only where the heap of a child may be locked: AddressSanitizer's is.
constexpr std::size_t most_bytes = millpond::test::sanitized ? 30'000 : 100'000;

bool skipped() {
    if (MILLPOND_TEST_THREAD_SANITIZER != 0) {
        millpond::test::skip("ThreadSanitizer follows no fork of a program with threads");
        return true;
    }
    if (MILLPOND_VALGRIND != 0) {
        millpond::test::skip(
            "Valgrind takes what the threads left that a child does not have for leaks");
        return true;
    }
    return false;
}

/// In a child: says what is wrong and ends it.
void require(bool holds, const std::string& what) {
    if (!holds) {
        const std::string line = what + "\n";
        (void)!write(STDERR_FILENO, line.data(), line.size());
        _exit(1);
    }
}

/// Threads that take and free blocks of some classes without pause, up to `most` each, and have the
/// resource grow and shrink.
class busy_threads {
public:
    static constexpr std::size_t most = 24;

    busy_threads(concurrent_pool_resource& resource, std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            crew_.emplace_back([this, &resource, i] {
                dice random(i);
                while (!stop_) {
                    work(resource, random);
                    ++rounds_;
                }
            });
        }
        while (rounds_ < 10) {
            std::this_thread::yield();
        }
    }

    busy_threads(const busy_threads&) = delete;
    busy_threads& operator=(const busy_threads&) = delete;

    ~busy_threads() {
        stop_ = true;
        for (std::thread& one : crew_) {
            one.join();
        }
    }

private:
    static void work(concurrent_pool_resource& resource, dice& random) {
        std::array<void*, most> blocks{};
        for (void*& block : blocks) {
            block = take_marked(resource, random.size(most_bytes), 8);
        }
        for (void* const block : blocks) {
            (void)give_marked(resource, block);
        }
        if (random.below(8) == 0) {
            (void)resource.shrink();
        }
    }

    std::atomic<bool> stop_ = false;
    std::atomic<int> rounds_ = 0;
    std::vector<std::thread> crew_;
};

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
    require(now.blocks_live + now.unpooled_live <= threads * busy_threads::most,
            "blocks are live that nobody has");
}

template <class Child>
void check_children(Child child) {
    for (int round = 0; round < forks; ++round) {
        const auto result = run_in_child([&child, round] {
            alarm(stuck_s);
            child(round);
        });
        REQUIRE(result.error_output == "");
        REQUIRE(result.signal == 0);
        REQUIRE(result.code == 0);
    }
}

} // namespace

TEST_CASE("the child of a program with busy threads uses every class of a resource at once") {
    if (skipped()) {
        return;
    }
    concurrent_pool_resource resource({.limit_bytes = enough_bytes, .threads = 3});
    {
        const busy_threads others(resource, 3);
        check_children([&](int) { use_all_classes(resource); });
    }
    CHECK(resource.stats().bytes_live == 0);
    CHECK_SOUND(resource, nullptr);
}

TEST_CASE("a child that recovers has a sound resource, and threads of its own use it") {
    if (skipped()) {
        return;
    }
    concurrent_pool_resource resource({.limit_bytes = enough_bytes, .threads = 3});
    {
        const busy_threads others(resource, 3);
        check_children([&](int round) {
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
    if (skipped()) {
        return;
    }
    concurrent_pool_resource lower({.name = "lower", .limit_bytes = enough_bytes, .threads = 4});
    concurrent_pool_resource upper({.name = "upper", .max_blocks_per_chunk = 2, .threads = 4},
                                   &lower);
    {
        const busy_threads above(upper, 2);
        const busy_threads below(lower, 1);
        check_children([&](int round) {
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
    if (skipped()) {
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
        check_children([&](int) {
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
