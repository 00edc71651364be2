// SPDX-License-Identifier: MIT
/// \file
/// Size classes that share pages, against a model: every short sequence of calls, long random ones,
/// and what the comments of pool/span_heap.hpp promise.

#include "millpond/pool/span_heap.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "checked_heap.hpp"
#include "child.hpp"
#include "process_maps.hpp"
#include "support/sanitized.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>
#include <sys/resource.h>

namespace {

namespace detail = millpond::detail;
using detail::misuse;
using millpond::test::checked_heap;
using millpond::test::effort;
using millpond::test::mapping_of;

using operation = bool (*)(checked_heap&); ///< false when there is no block to be freed

constexpr std::array<operation, 12> all_operations{
    [](checked_heap& heap) { return heap.take(0); },
    [](checked_heap& heap) { return heap.take(1); },
    [](checked_heap& heap) { return heap.take(2); },
    [](checked_heap& heap) { return heap.take(0, 70); }, // more than a line
    [](checked_heap& heap) { return heap.give(0, 0); },
    [](checked_heap& heap) { return heap.give_newest(0); },
    [](checked_heap& heap) { return heap.give_newest(1); },
    [](checked_heap& heap) { return heap.give(2, 0); },
    [](checked_heap& heap) { return heap.give_all_but_each(30, 0); },
    // These give memory back, or keep it from others.
    [](checked_heap& heap) { return heap.hold(1, 50) && heap.hold(2, 2); },
    [](checked_heap& heap) { return (void)heap->shrink(), true; },
    [](checked_heap& heap) { return heap.release(); },
};
constexpr std::size_t reusing_operations = 9;

/// Runs all sequences of the first so many operations on a prepared heap; the first fault with its
/// sequence. New memory takes most of the time, so all that can do without a new heap share one.
std::string enumerate(std::size_t all, std::size_t operations, operation prepare) {
    std::optional<checked_heap> heap;
    for (std::size_t number = 0; number < all;) { // its digits are the operations
        if (!heap || operations > reusing_operations) {
            heap.emplace(std::vector<std::size_t>{16, 96, 6000});
        }
        bool applies = prepare(*heap);
        std::string where = " after";
        std::size_t same = all; // sequences that begin like this one
        while (applies && same != 1) {
            same /= operations;
            const std::size_t digit = number / same % operations;
            where += ' ' + std::to_string(digit);
            applies = all_operations[digit](*heap);
            if (number % same == 0) { // the first of them
                heap->check();
            }
        }
        heap->give_all();
        if (!heap->fault().empty()) {
            return heap->fault() + where;
        }
        number += same - number % same;
    }
    return "";
}

} // namespace

TEST_CASE("no sequence of calls loses, repeats or mistakes a block of three classes") {
    constexpr std::array<operation, 3> states{
        [](checked_heap& heap) { return heap.fault().empty(); }, // fresh, or with all blocks free
        [](checked_heap& heap) { return heap.take(0, 50) && heap.give_all_but_each(2, 0); },
        [](checked_heap& heap) { return heap.take(0, 90) && heap.give_all_but_each(3, 0); },
    };
    for (const operation prepare : states) {
        CHECK(enumerate(effort(59'049U, 6561U, 729U), reusing_operations, prepare) == "");  // of 5
        CHECK(enumerate(effort(1728U, 1728U, 144U), all_operations.size(), prepare) == ""); // of 3
    }
    checked_heap heap({16, 96, 6000});
    std::mt19937 random(5);
    for (int step = 0; step < effort(10'000, 5000, 500); ++step) {
        const bool any = random() % 8 == 0;
        (void)all_operations[random() % (any ? all_operations.size() : reusing_operations)](heap);
        heap.check();
    }
    CHECK(heap.finish() == "");
}

TEST_CASE("all classes agree with a model through long random runs, with and without a limit") {
    for (const std::size_t limit : {0U, 300'000U, 1'500'000U}) {
        checked_heap heap({}, limit);
        std::mt19937 random(7);
        heap.take(87, 3);
        heap.take(1, 8000); // with a limit, the last span is not used up
        heap.give(87, 0);
        heap.take(1, 2000);
        heap.check();
        heap.give_all_but_each(10, 1);
        for (int step = 1; step <= effort(12'000, 8000, 1500); ++step) {
            const auto index = static_cast<std::uint32_t>(random() % (step % 2 == 0 ? 88 : 12));
            const std::size_t had = heap.live(index).size();
            const bool grows = step / 2500 % 2 == 0;
            if (had == 0 || (random() % 4 != 0 ? grows : !grows)) {
                heap.take(index);
            } else {
                heap.give(index, random() % had);
            }
            if (step % 200 == 0) {
                heap.check();
                (void)(random() % 10 == 0 ? heap.release() : heap->shrink() != 0);
            }
        }
        CHECK(heap.finish() == "");
    }
}

TEST_CASE("a deeper stack knows what was freed into a shallower one") {
    checked_heap heap({16});
    std::vector<void*> blocks;
    for (const auto& [count, depth] :
         {std::pair{60, 14}, std::pair{120, 62}, std::pair{500, 254}, std::pair{2000, 1022}}) {
        // What the last round took from the stack has places in it when a deeper one comes.
        while (std::ssize(blocks) < count) {
            blocks.push_back(heap->try_allocate(0));
        }
        std::shuffle(blocks.begin(), blocks.end(), std::mt19937(6));
        const auto free = [&heap](void* block) { return heap->try_deallocate(block, 0); };
        const auto free_once = [&](void* block) { return free(block) && !free(block); };
        CHECK(std::all_of(blocks.begin(), blocks.end(), free_once));
        CHECK(std::none_of(blocks.begin(), blocks.end(), free));
        CHECK(heap->verify());
        const std::vector<void*> freed = blocks;
        std::generate(blocks.begin(), blocks.end(), [&] { return heap->try_allocate(0); });
        // The first to come is the last that the stack had room for.
        CHECK(std::find(freed.begin(), freed.end(), blocks[0]) - freed.begin() + 1 == depth);
        CHECK(heap->stats_of(0).high_water == blocks.size());
    }
}

TEST_CASE("one free block of more than 4096 bytes is kept for its class until another needs it") {
    checked_heap heap({6000, 8000}, 40'100);
    heap.take(0, 3);
    heap.give_all();
    CHECK(heap->stats_of(0).capacity == 1);
    heap.take(0);
    heap.give_all();
    CHECK(heap->stats_of(0).capacity == 1);
    CHECK(heap->stats_of(0).high_water == 3);
    CHECK(heap.hold(1, 5)); // more than the limit leaves beside the block that is kept
    CHECK(heap->stats_of(0).capacity == 0);
    CHECK(heap->stats_of(1).capacity == 5);
    heap.take(1, 5);
    heap.give_all();
    CHECK(heap->stats_of(1).capacity == 5);
    CHECK(heap.fault() == "");
}

TEST_CASE("a free block of more than 4096 bytes is any class's unless it is reserved") {
    checked_heap heap({6000, 8000});
    void* const one = heap->try_allocate(0);
    CHECK(heap->try_deallocate(one, 0));
    CHECK_FALSE(heap->try_deallocate(one, 0));
    std::size_t taken = 0;
    while (heap->stats_of(0).capacity == 1 && taken < 100) { // the heap does not grow beside it
        heap.take(1);
        ++taken;
    }
    CHECK(heap->stats_of(0).capacity == 0);
    CHECK(heap.live(1).back().place == one);
    CHECK_FALSE(heap->try_deallocate(one, 0));
    heap.hold(0, 3);
    heap.take(0, 5);
    heap.give_all();
    CHECK(heap->stats_of(0).capacity == 3);
    heap.take(0);
    (void)heap->shrink();
    CHECK(heap->stats_of(0).capacity == 1);
    CHECK(heap->stats_of(1).capacity == 0);
    CHECK(heap.fault() == "");
}

TEST_CASE("a reservation that is refused keeps no free block of more than 4096 bytes") {
    checked_heap heap({65'536}, std::size_t{100} * (65'536 + 2));
    heap.take(0, 60);
    heap.give_newest(0);
    CHECK(heap->stats_of(0).capacity == 60); // one of them is kept
    const std::size_t committed = heap->stats_of(0).bytes_committed;
    CHECK_FALSE(heap->can_hold(0, 101));
    CHECK(heap->stats_of(0).capacity == 59);
    CHECK(heap->stats_of(0).bytes_committed < committed);
    CHECK(heap.hold(0, 100));
}

TEST_CASE("a report tells why an address is no block to be freed") {
    checked_heap heap({16, 6000});
    heap.take(0, 20);
    heap.take(1);
    const auto reason = [&](const void* address) { return heap->report_on(address).reason; };
    std::byte* const small = heap.live(0).front().place;
    std::byte* const large = heap.live(1).front().place;
    CHECK(reason(small) == misuse::wrong_size);
    CHECK(std::string(heap->report_on(small).pool_name) == "model");
    CHECK(reason(large) == misuse::wrong_size);
    CHECK(reason(heap.live(0).back().place + 16) == misuse::never_allocated); // the line's next
    CHECK(reason(small + 5) == misuse::inside_a_block);
    CHECK(heap->report_on(small + 5).block == small);
    CHECK(reason(large + 6000) == misuse::foreign); // the rest of its span
    CHECK(reason(&heap) == misuse::foreign);
    const auto blocks = heap.live(0); // some go into the stack, the others beyond
    heap.give_all();
    for (const auto& one : blocks) {
        CHECK(reason(one.place) == misuse::freed_twice);
    }
    CHECK(reason(large) == misuse::freed_twice);
}

TEST_CASE("the self-check notices damage to what is known of blocks") {
    checked_heap heap({16, 96});
    heap.take(0, 40);
    // The first span's record. Records lie in front of all blocks, in the same mapping.
    std::byte* const first = heap.live(0).front().place; // blocks of a line come lowest first
    auto* span = reinterpret_cast<detail::span_record*>(mapping_of(first).first);
    while (span->blocks != first || span->room != 64 || span->granted != 64) {
        ++span;
    }
    heap.give_all_but_each(2, 0); // the newest first: they go into the stack
    const auto notices = [&heap](auto& known, auto instead) {
        const auto was = std::exchange(known, instead);
        const bool noticed = !heap->verify();
        known = was;
        return noticed && heap->verify();
    };
    constexpr auto freed = detail::to_position<detail::wide_position>(detail::position_freed);
    constexpr auto in_use = detail::wide_position{2};
    CHECK(notices(span->positions()[38], freed));  // a live block
    CHECK(notices(span->positions()[37], in_use)); // in the stack, but at another place
    CHECK(notices(span->positions()[1], in_use));  // freed beyond the stack
    CHECK(notices(span->positions()[40], in_use)); // in the current line
    CHECK(notices(span->positions()[64], in_use)); // no block
    CHECK(notices(span->lines, std::uint64_t{0}));
    CHECK(notices(span->granted, std::uint16_t{63}));
    CHECK(notices(span->owner, std::uint8_t{1}));
    CHECK(notices(span->next, span));
}

TEST_CASE("a heap of several spaces frees the blocks of all and gives the newer ones back") {
    checked_heap heap({16, 65'536});
    heap.take(1, 100);
    heap.hold(1, 400); // the first space has room for 256
    heap.take(1, 300);
    heap.take(0, 5000);
    heap.hold(1, 3000); // the second one is eight times as large
    (void)heap->shrink();
    heap.check();
    CHECK(heap->stats_of(1).capacity == 400);
    const std::byte* const place = heap.live(1).back().place;
    CHECK(heap.finish() == "");
    CHECK(mapping_of(place).end == 0);
}

TEST_CASE("a heap that the system refuses memory stays sound and grows again when it may") {
    if (millpond::test::sanitized) {
        millpond::test::skip("a sanitizer needs more than the limit");
        return;
    }
    const auto ended = millpond::test::run_in_child([] {
        checked_heap heap({16, 6000, 65'536});
        const auto require = [&heap](bool holds, const char* what) {
            heap.check();
            std::fputs(holds ? heap.fault().c_str() : what, stderr);
        };
        rlimit had{};
        getrlimit(RLIMIT_DATA, &had);
        const rlimit less{4096, had.rlim_max}; // the kernel takes 0 for Valgrind's
        setrlimit(RLIMIT_DATA, &less);
        heap.take(1, 1000); // in the first 64 KiB
        const millpond::pool_stats now = heap->stats_of(1);
        require(now.live > 1 && now.failures == 1 && now.growth_error != 0, "no refusal; ");
        require(heap.give_newest(1) && heap.take(1) && heap.live(1).size() == now.live,
                "memory of a freed block is refused; ");
        heap.give_all();
        require(heap->can_hold(2, 1), "memory of freed blocks is not joined; ");
        require(!heap->can_hold(2, 1000), "more is held than there is; ");
        require(heap->stats_of(2).capacity == 1 && heap.take(2), "what was held is given up; ");
        setrlimit(RLIMIT_DATA, &had);
        for (int tries = 0; tries <= 1001 && heap.live(2).size() < 2; ++tries) {
            heap.take(2);
        }
        require(heap.live(2).size() == 2 && heap.finish().empty(), "no growth; ");
    });
    CHECK("signal " + std::to_string(ended.signal) + ' ' + ended.error_output == "signal 0 ");
}
