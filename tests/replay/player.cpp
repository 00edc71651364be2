// SPDX-License-Identifier: MIT
/// \file
/// The play, inside the test's own process: honest heaps give the checksum that the plan foretells, and
/// every heap that does not keep its word gives another.

#include <cstdlib>
#include <cstring>

#include "replay/events.hpp"
#include "replay/player_heaps.hpp"
#include "replay/player_loop.hpp"
#include <doctest/doctest.h>

using namespace millpond::test;         // NOLINT(google-build-using-namespace): a test
using namespace millpond::tool::replay; // NOLINT(google-build-using-namespace): a test

namespace {

/// Frees what the program left behind, so that a leak checker sees only real leaks.
template <class Heap>
std::uint64_t played_checksum(const prepared_plan& plan, Heap& heap) {
    const std::vector<record> records = records_of(plan);
    std::vector<void*> slots(plan.head.slots, nullptr);
    no_probe probe;
    const play_outcome out = play(records.data(), plan.head.records, slots.data(), heap, probe);
    REQUIRE(out.stopped_at == plan.head.records);
    const record* checks = records.data() + plan.head.records;
    const std::uint64_t checksum = check_rest(checks, plan.head.checks, slots.data(), out.checksum);
    for (std::uint64_t i = 0; i < plan.head.checks; ++i) {
        heap.free(slots[checks[i].slot], checks[i]);
    }
    return checksum;
}

/// An honest heap but for its resize, which forgets the content.
struct forgetful_heap : libc_heap {
    using libc_heap::libc_heap;

    [[nodiscard]] void* resize(void* block, const record& /*from*/, const record& to) noexcept {
        std::free(block);
        void* fresh = std::malloc(to.size_bytes);
        return fresh == nullptr ? nullptr : std::memset(fresh, 0xee, to.size_bytes);
    }
};

/// An honest heap but for its zeroed blocks, of which one byte is not.
struct dirty_heap : libc_heap {
    using libc_heap::libc_heap;

    [[nodiscard]] void* allocate_zeroed(const record& r) noexcept {
        auto* block = static_cast<unsigned char*>(std::calloc(1, r.size_bytes));
        if (block != nullptr && r.size_bytes > 0) {
            block[r.size_bytes - 1] = 1;
        }
        return block;
    }
};

/// An honest heap but that it wipes the neighbour: every block loses its first byte when another comes.
struct wiping_heap : libc_heap {
    using libc_heap::libc_heap;

    [[nodiscard]] void* allocate(const record& r) noexcept {
        if (last != nullptr) {
            *static_cast<unsigned char*>(last) = 0;
        }
        last = r.size_bytes == 0 ? nullptr : std::malloc(r.size_bytes);
        return last == nullptr ? std::malloc(r.size_bytes) : last;
    }

    void free(void* block, const record& r) noexcept {
        last = block == last ? nullptr : last;
        libc_heap::free(block, r);
    }

    void* last = nullptr;
};

/// Gives up after some calls.
struct exhausted_heap : libc_heap {
    using libc_heap::libc_heap;

    [[nodiscard]] void* allocate(const record& r) noexcept {
        return left-- == 0 ? nullptr : libc_heap::allocate(r);
    }

    int left = 2;
};

} // namespace

TEST_CASE("malloc gives the checksum that the plan foretells") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const auto plan = plan_of(synthetic_events(5000, seed));
        libc_heap heap(plan.head);
        CHECK(played_checksum(plan, heap) == plan.head.expected_checksum);
    }
}

TEST_CASE("millpond's pools give the checksum that the plan foretells and never run out") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const auto plan = plan_of(synthetic_events(5000, seed));
        REQUIRE(plan.head.pool_count > 0);
        pool_heap heap(plan.head);
        CHECK(played_checksum(plan, heap) == plan.head.expected_checksum);
    }
}

TEST_CASE("one resource for all sizes gives the checksum that the plan foretells") {
    for (std::uint64_t seed = 1; seed <= 8; ++seed) {
        const auto plan = plan_of(synthetic_events(5000, seed));
        resource_heap heap(plan.head);
        CHECK(played_checksum(plan, heap) == plan.head.expected_checksum);
    }
}

TEST_CASE("a resize that forgets the content is noticed") {
    const auto plan = plan_of({allocate(0, 100), reallocate(0, 1, 200), release(1)});
    forgetful_heap heap(plan.head);
    CHECK(played_checksum(plan, heap) != plan.head.expected_checksum);
}

TEST_CASE("zeroed memory that is not zero is noticed, in a small block and in a large one") {
    for (const std::uint64_t size : {1U, 8U, 63U, 64U, 65U, 5000U}) {
        const auto plan = plan_of({allocate_zeroed(0, size), release(0)});
        dirty_heap heap(plan.head);
        CHECK(played_checksum(plan, heap) != plan.head.expected_checksum);
    }
}

TEST_CASE("a block that is written by somebody else is noticed, even one of a single byte") {
    for (const std::uint64_t size : {1U, 7U, 8U, 300U}) {
        const auto plan = plan_of({allocate(0, size), allocate(1, size), release(0), release(1)});
        wiping_heap heap(plan.head);
        CHECK(played_checksum(plan, heap) != plan.head.expected_checksum);
    }
}

TEST_CASE("a block that is lost before the program's end is noticed") {
    const auto plan = plan_of({allocate(0, 30), allocate(1, 30)});
    wiping_heap heap(plan.head);
    CHECK(played_checksum(plan, heap) != plan.head.expected_checksum);
}

TEST_CASE("a play stops at the record for which there is no memory") {
    const auto plan = plan_of({allocate(0, 8), allocate(1, 8), allocate(2, 8), allocate(3, 8)});
    const auto records = records_of(plan);
    std::vector<void*> slots(plan.head.slots, nullptr);
    exhausted_heap heap(plan.head);
    no_probe probe;
    const auto out = play(records.data(), plan.head.records, slots.data(), heap, probe);
    CHECK(out.stopped_at == 2);
    std::free(slots[0]);
    std::free(slots[1]);
}

TEST_CASE(
    "a new block is touched in its head, in every page and at its end, and nowhere behind it") {
    for (const std::uint64_t size : {0U, 1U, 7U, 8U, 13U, 64U, 65U, 4096U, 4097U, 9000U}) {
        std::vector<unsigned char> memory(size + 16, 0);
        touch(memory.data(), size, ~std::uint64_t{0});
        for (std::uint64_t at = 0; at < memory.size(); ++at) {
            const bool expected = at < size && (at < 64 || at % 4096 == 0 || at == size - 1);
            REQUIRE((memory[at] != 0) == expected);
        }
        CHECK((survey(memory.data(), size) != 0) == (size > 0));
    }
}
