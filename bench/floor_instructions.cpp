// SPDX-License-Identifier: MIT
/// \file
/// How many instructions each pass takes for a block of the floor: what everybody who is measured pays.
///
/// A pass over twice as many blocks less one over so many: entry and exit fall out. The counts are those
/// of g++ 12 and clang++ 14, whichever needs more. A pass that adds to
/// a variable of its caller takes more: 16 to 18 to free a block.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "contenders/bump_pointer.hpp"
#include "guarantees/tracer.hpp"
#include "passes.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>

namespace {

using namespace millpond::bench; // NOLINT(google-build-using-namespace): this program is theirs
using millpond::guarantees::announce;
using millpond::guarantees::mark;

using floor_pool = bump_pointer<64>;

constexpr std::uint64_t few = 40; // more than the floor keeps on its stack

/// Checks that `pass(pool, held)` takes that many instructions for each of the places in `held`, on a new
/// pool after `before(pool, held)`.
template <class Before, class Pass>
void check_instructions(std::uint64_t most, Before before, Pass pass) {
    const std::string reason = millpond::guarantees::why_not_here();
    if (!reason.empty()) {
        millpond::test::skip(reason.c_str());
        return;
    }
    const auto counts = millpond::guarantees::trace([&] {
        for (const std::size_t blocks : {few, 2 * few}) {
            floor_pool pool(2 * few + 1);
            std::vector<void*> held(blocks);
            take(pool, 0); // so that the last free is like the others
            before(pool, std::span(held));
            announce(blocks == few ? "few" : "twice as many", "");
            mark();
            pass(pool, std::span(held));
            mark();
        }
    });
    REQUIRE(counts.size() == 2);
    const std::uint64_t more = counts[1].instructions - counts[0].instructions;
    INFO("instructions for ", few, " blocks: ", more);
    CHECK(more >= few);
    CHECK(more <= most * few);
}

/// Keeps a sum that nobody asks for from being left out.
void use(std::uint64_t sum) {
    asm volatile("" : : "r"(sum));
}

constexpr auto fill = [](floor_pool& pool, std::span<void*> held) { take_all(pool, held); };
constexpr auto do_nothing = [](floor_pool&, std::span<void*>) {};

} // namespace

TEST_CASE("the floor allocates and touches a block in at most 19 instructions") {
    check_instructions(19, do_nothing, fill);
}

TEST_CASE("the floor reads and frees a block in at most 11 instructions") {
    check_instructions(
        11, fill, [](floor_pool& pool, std::span<void*> held) { use(give_all(pool, held)); });
}

TEST_CASE("the floor reads and frees a block in at most 11 instructions, the newest first") {
    check_instructions(11, fill, [](floor_pool& pool, std::span<void*> held) {
        use(give_all_backwards(pool, held));
    });
}

TEST_CASE("the floor allocates and frees one block after the other in at most 24 instructions") {
    check_instructions(24, do_nothing, [](floor_pool& pool, std::span<void*> held) {
        use(take_and_give(pool, held.size()));
    });
}

TEST_CASE("a block that stays live is read in at most 5 instructions") {
    check_instructions(5, fill, [](floor_pool&, std::span<void*> held) { use(look_at_all(held)); });
}
