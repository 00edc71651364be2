// SPDX-License-Identifier: MIT
/// \file
/// Two frees of one block whose steps mingle: the program stops, whoever yields where.

#include "millpond/millpond.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <csignal>
#include <string>
#include <thread>

#include "crew.hpp"
#include "interleave.hpp"
#include "pool/child.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::test::effort;
using millpond::test::run_in_child;
using millpond::test::run_together;
using millpond::test::stop_light;
using millpond::test::yield_at_random;

namespace {

const millpond::concurrent_block_pool_options victim{
    .name = "victim", .block_bytes = 64, .capacity = 130, .threads = 3};

/// The same, with a check of every free against all others.
constexpr auto exact = [] {
    auto options = victim;
    options.check = millpond::free_check::exact;
    return options;
};

bool stopped_once(const millpond::test::outcome& result) {
    return result.signal == SIGABRT &&
           std::count(result.error_output.begin(), result.error_output.end(), '\n') == 1 &&
           result.error_output.ends_with(": freed twice\n");
}

} // namespace

TEST_CASE(
    "an exact pool lets no two frees of a block pass, whatever step the first is stopped at") {
    std::uint32_t stopped_at = 0;
    for (std::uint32_t step = 0; step < 100; ++step) {
        const auto result = run_in_child([step] {
            concurrent_block_pool pool(exact());
            void* const block = pool.allocate();
            stop_light light;
            std::thread first([&] {
                (void)pool.local();
                light.stop_me_after(step);
                pool.deallocate(block);
                if (light.disarm_me()) {
                    _exit(4); // it has fewer steps
                }
            });
            (void)light.wait_until_stopped();
            std::thread second([&] { pool.deallocate(block); });
            second.join();
            light.let_go();
            first.join();
        });
        if (result.code == 4) {
            break;
        }
        ++stopped_at;
        CAPTURE(result.error_output);
        REQUIRE(stopped_once(result));
    }
    CHECK(stopped_at >= 2);
}

TEST_CASE("a free by a block's thread that mingles with another's stops it or the next owner") {
    std::uint32_t stopped_at = 0;
    for (std::uint32_t step = 0; step < 100; ++step) {
        const auto result = run_in_child([step] {
            concurrent_block_pool pool(victim);
            stop_light light;
            auto mine = pool.local();
            void* const block = mine.allocate();
            std::barrier<> freed(2);
            std::thread other([&] {
                auto its = pool.local();
                (void)light.wait_until_stopped();
                its.deallocate(block); // in the midst of the owner's free
                light.let_go();
                freed.arrive_and_wait();
                (void)its.allocate();
                freed.arrive_and_wait();
            });
            light.stop_me_after(step);
            mine.deallocate(block);
            if (light.disarm_me()) {
                _exit(4);
            }
            freed.arrive_and_wait();
            freed.arrive_and_wait();
            (void)mine.allocate();
            _exit(3); // one block in two hands
        });
        if (result.code == 4) {
            break;
        }
        ++stopped_at;
        CAPTURE(result.error_output);
        REQUIRE(stopped_once(result));
    }
    CHECK(stopped_at >= 2);
}

TEST_CASE(
    "threads that free a block of an exact pool at random steps stop the program in every round") {
    for (std::uint32_t round = 0; round < effort(200U, 40U, 3U); ++round) {
        const auto result = run_in_child([round] {
            concurrent_block_pool pool(exact());
            void* const block = pool.allocate();
            run_together(2, [&](std::size_t self) {
                yield_at_random(round * 2 + self, 2);
                pool.deallocate(block);
            });
        });
        CAPTURE(result.error_output);
        REQUIRE(stopped_once(result));
    }
}
