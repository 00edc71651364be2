// SPDX-License-Identifier: MIT
/// \file
/// Shared owners of threads that lose the processor before atomic steps chosen at random: the first call
/// of a pool, and the end of a pool's home.

#include "millpond/millpond.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "crew.hpp"
#include "interleave.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_object_pool;
using millpond::test::effort;
using millpond::test::run_together;
using millpond::test::yield_at_random;

namespace {

constexpr std::uint64_t rounds = effort<std::uint64_t>(300, 60, 5);

/// Runs `body(self)` in threads that yield at random, with other seeds in each round.
template <class Body>
void run_interleaved(std::size_t threads, std::uint64_t round, Body body) {
    run_together(threads, [&](std::size_t self) {
        yield_at_random(round * 64 + self + 1, 2U + static_cast<std::uint32_t>(round % 5));
        body(self);
        yield_at_random(0, 0);
    });
}

} // namespace

TEST_CASE("the first shared owners of several threads have one home, at whatever step they yield") {
    for (std::uint64_t round = 0; round < rounds; ++round) {
        concurrent_object_pool<std::size_t> pool({.capacity = 24, .threads = 2});
        std::array<std::shared_ptr<std::size_t>, 3> owners;
        run_interleaved(3, round, [&](std::size_t self) {
            owners[self] = pool.make_shared(self);
            const std::weak_ptr<std::size_t> weak = pool.make_shared(self + 10);
        });
        REQUIRE(pool.shared_stats().live == 3);
        REQUIRE(pool.size_estimate() == 3);
        REQUIRE(*owners[2] == 2);
        REQUIRE_SOUND(pool);
    }
}

TEST_CASE(
    "the last of the weak pointers that outlive a pool ends the home, at whatever step it yields") {
    for (std::uint64_t round = 0; round < rounds; ++round) {
        std::vector<std::weak_ptr<std::size_t>> weak;
        {
            concurrent_object_pool<std::size_t> pool({.capacity = 24, .threads = 2});
            for (std::size_t i = 0; i < 6; ++i) {
                weak.emplace_back(pool.make_shared(i));
            }
        }
        std::atomic<int> expired = 0;
        run_interleaved(3, round, [&](std::size_t self) {
            for (const std::size_t i : {self, self + 3}) {
                expired += weak[i].expired() ? 1 : 0;
                weak[i].reset();
            }
        });
        REQUIRE(expired == 6);
    }
}
