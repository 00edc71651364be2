// SPDX-License-Identifier: MIT
/// \file
/// Memory that is given back all at once: pool/arena.hpp. What rewinds destroy is in arena_rewind.cpp.

#include "millpond/pool/arena.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "arena_objects.hpp"
#include "child.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::arena;
using millpond::arena_options;
using millpond::test::element;
using millpond::test::object;

namespace {

std::uintptr_t number_of(const void* address) {
    return reinterpret_cast<std::uintptr_t>(address);
}

/// Where the next byte would come from.
const void* top_of(arena& home) {
    const auto here = home.mark();
    const void* const place = home.allocate(1, 1);
    home.rewind(here);
    return place;
}

/// What the constructor says of bad options.
std::string refusal(const arena_options& options) {
    try {
        const arena made(options);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

struct plain {
    int x;
    long y;
};

struct alignas(256) over_aligned {
    char text[3];
};

using seventy_bytes = std::array<char, 70>;
using large_object = millpond::test::noted<70, 8>;

} // namespace

static_assert(!std::is_move_constructible_v<arena> && !std::is_copy_constructible_v<arena>);

TEST_CASE("bytes that need no alignment follow each other without a gap") {
    arena home({.capacity = 100});
    auto* const first = static_cast<char*>(home.allocate(7, 1));
    CHECK(home.allocate(13, 1) == first + 7);
    CHECK(home.allocate(1, 1) == first + 20);
    CHECK(home.size() == 21);
    CHECK(home.available() == 79);
    CHECK_SOUND(home);
}

TEST_CASE("an allocation lies at the next aligned address and no further") {
    arena home({.capacity = std::size_t{4} << 20});
    for (std::size_t alignment = 1; alignment <= (std::size_t{1} << 20); alignment *= 2) {
        const std::uintptr_t before = number_of(home.allocate(3, 1)) + 3;
        const std::uintptr_t place = number_of(home.allocate(5, alignment));
        REQUIRE(place % alignment == 0);
        REQUIRE(place >= before);
        REQUIRE(place - before < alignment);
    }
    CHECK(number_of(home.allocate(1)) % alignof(std::max_align_t) == 0);
    CHECK_SOUND(home);
}

TEST_CASE("zero bytes count as one so that no two addresses are the same") {
    arena home({.capacity = 3});
    const void* const first = home.allocate(0, 1);
    const void* const second = home.allocate(0, 1);
    CHECK(first != second);
    CHECK(home.size() == 2);
    CHECK(home.try_allocate(0, 1) != nullptr);
    CHECK(home.try_allocate(0, 1) == nullptr);
}

TEST_CASE("an arena gives every one of its bytes and then nullptr") {
    arena home({.capacity = 1000});
    auto* const first = static_cast<char*>(home.allocate(990, 1));
    CHECK(home.try_allocate(11, 1) == nullptr);
    CHECK(home.try_allocate(10, 1) == first + 990);
    std::memset(first, 1, 1000);
    CHECK(home.try_allocate(1, 1) == nullptr);
    CHECK(home.available() == 0);
    CHECK(home.stats().failures == 2);
    CHECK_SOUND(home);
}

TEST_CASE("sizes and alignments whose sum overflows do not fit and change nothing") {
    for (const std::size_t max_capacity : {std::size_t{0}, std::size_t{1} << 30}) {
        arena home({.capacity = 4096, .max_capacity = max_capacity});
        (void)home.allocate(1, 1);
        for (std::size_t below = 0; below < 100; ++below) {
            for (const std::size_t alignment : {1U, 16U, 4096U}) {
                REQUIRE(home.try_allocate(SIZE_MAX - below, alignment) == nullptr);
                REQUIRE(home.try_allocate(SIZE_MAX / 2 - below, alignment) == nullptr);
            }
        }
        CHECK(home.try_allocate(1, std::size_t{1} << 63) == nullptr);
        CHECK(home.try_allocate(SIZE_MAX, std::size_t{1} << 63) == nullptr);
        CHECK(home.size() == 1);
        CHECK(home.capacity() == 4096);
        CHECK_SOUND(home);
    }
}

TEST_CASE("a full arena throws an error that counts in bytes and says how many did not fit") {
    arena home({.name = "scratch", .capacity = 100});
    (void)home.allocate(40, 1);
    CHECK_THROWS_WITH_AS((void)home.allocate(61, 1),
                         "millpond: pool 'scratch' is exhausted: 61 bytes do not fit, capacity "
                         "100 bytes, peak 40 bytes",
                         millpond::pool_exhausted);
    CHECK_THROWS_WITH_AS((void)home.create<seventy_bytes>(),
                         "millpond: pool 'scratch' is exhausted: 70 bytes do not fit, capacity "
                         "100 bytes, peak 40 bytes",
                         millpond::pool_exhausted);
    CHECK_THROWS_WITH_AS((void)home.make_array<int>(SIZE_MAX / 2),
                         "millpond: pool 'scratch' is exhausted: more bytes than there are "
                         "addresses, capacity 100 bytes, peak 40 bytes",
                         millpond::pool_exhausted);
    CHECK_THROWS_AS((void)home.duplicate(std::string(60, 'x')), millpond::pool_exhausted);
    CHECK_THROWS_AS((void)home.create<large_object>(1), std::bad_alloc);
    CHECK(home.size() == 40);
    CHECK_SOUND(home);
}

TEST_CASE("an alignment that is no power of two stops the program and is named") {
    for (const std::size_t alignment : {0U, 3U, 24U}) {
        const auto result = millpond::test::run_in_child([&] {
            arena home({.name = "scratch", .capacity = 100});
            (void)home.try_allocate(1, alignment);
        });
        CHECK(result.signal == SIGABRT);
        CHECK(result.error_output == "millpond: pool 'scratch': allocation with alignment " +
                                         std::to_string(alignment) + ": not a power of two\n");
    }
}

TEST_CASE("an object without a destructor takes its own bytes and no more") {
    arena home({.capacity = 1000});
    const plain* const made = home.create<plain>(1, 2L);
    CHECK(made->x == 1);
    CHECK(made->y == 2);
    CHECK(home.size() == sizeof(plain));
    const plain* const zero = home.try_create<plain>();
    REQUIRE(zero != nullptr);
    CHECK(zero->y == 0);
    CHECK(home.size() == 2 * sizeof(plain));
    CHECK(number_of(home.create<over_aligned>()) % 256 == 0);
}

TEST_CASE("an object with a destructor takes 16 bytes more and an array of them 24") {
    arena home({.capacity = 1000});
    (void)home.create<object>(1);
    CHECK(home.size() == 16 + sizeof(object));
    CHECK(home.make_array<element>(4).size() == 4);
    CHECK(home.size() == 16 + sizeof(object) + 24 + 4 * sizeof(element));
}

TEST_CASE("arrays are zero or as their elements' constructors leave them") {
    arena home({.capacity = 2000});
    std::memset(home.allocate(500, 1), 0xff, 500);
    home.clear();
    const std::span<int> zeros = home.make_array<int>(100);
    CHECK(zeros.size() == 100);
    CHECK(std::all_of(zeros.begin(), zeros.end(), [](int value) { return value == 0; }));
    CHECK(number_of(home.make_array<over_aligned>(2).data()) % 256 == 0);
    element::next = 0;
    home.clear();
    const std::span<element> elements = home.try_make_array<element>(3);
    REQUIRE(elements.size() == 3);
    CHECK(elements[2].number == 2);
}

TEST_CASE("an array of none takes nothing and one that does not fit is empty") {
    arena home({.capacity = 100});
    CHECK(home.make_array<int>(0).empty());
    CHECK(home.make_array<element>(0).empty());
    CHECK(home.size() == 0);
    CHECK(home.stats().failures == 0);
    CHECK(home.try_make_array<int>(26).empty());
    CHECK(home.try_make_array<int>(SIZE_MAX / 4 + 2).empty()); // 4 bytes, were it not for the check
    CHECK(home.try_make_array<element>(SIZE_MAX).empty());
    CHECK(home.stats().failures == 3);
    CHECK(home.try_make_array<int>(25).size() == 25);
}

TEST_CASE("a text is copied with a zero behind it") {
    arena home({.capacity = 20});
    std::string text = "fourteen bytes";
    const std::string_view copy = home.duplicate(text);
    text.assign(14, 'x');
    CHECK(copy == "fourteen bytes");
    CHECK(copy.data()[14] == '\0');
    CHECK(home.size() == 15);
    CHECK(home.try_duplicate("12345").data() == nullptr);
    const std::string_view rest = home.try_duplicate("1234");
    CHECK(rest == "1234");
    home.clear();
    const std::string_view empty = home.try_duplicate("");
    REQUIRE(empty.data() != nullptr);
    CHECK(*empty.data() == '\0');
}

TEST_CASE("a free takes back what was allocated last and leaves everything else") {
    arena home({.capacity = 1000});
    void* const first = home.allocate(10, 1);
    void* const second = home.allocate(20, 1);
    home.deallocate(first, 10);
    CHECK(home.size() == 30);
    home.deallocate(second, 20);
    CHECK(home.size() == 10);
    CHECK(home.allocate(5, 1) == second);
    home.deallocate(second, 5);
    home.deallocate(first, 10);
    CHECK(home.size() == 0);
    home.deallocate(nullptr, 10);
    home.deallocate(home.allocate(0), 0);
    CHECK(home.size() == 0);
    CHECK(home.high_water() == 30);
    CHECK_SOUND(home);
}

TEST_CASE("a free gives back nothing that is older than the newest mark") {
    arena home({.capacity = 1000});
    void* const old = home.allocate(10, 1);
    {
        const arena::scope inner(home);
        home.deallocate(old, 10);
        CHECK(home.size() == 10);
    }
    CHECK(home.size() == 10);
    const auto before = home.mark();
    void* const young = home.allocate(30, 1);
    home.deallocate(young, 30);
    CHECK(home.size() == 10);
    home.rewind(before);
    CHECK_SOUND(home);
}

TEST_CASE("a free of an object with a destructor leaves it where it is") {
    arena home({.capacity = 1000});
    object* const made = home.create<object>(1);
    const std::span<element> elements = home.make_array<element>(2);
    const std::size_t size = home.size();
    home.deallocate(elements.data(), elements.size_bytes());
    home.deallocate(made, sizeof(object));
    CHECK(home.size() == size);
    CHECK_SOUND(home);
    home.deallocate(home.allocate(3, 1), 3); // what comes after it is as ever
    CHECK(home.size() == size);
}

TEST_CASE("a free of what is not in use stops the program and says why") {
    static std::array<char, 8> elsewhere{};
    const auto end_of = [](auto body) {
        const auto result = millpond::test::run_in_child([&] {
            arena home({.name = "scratch", .capacity = 1000});
            (void)home.allocate(10, 1);
            body(home);
        });
        CHECK(result.signal == SIGABRT);
        CHECK(result.error_output.starts_with("millpond: pool 'scratch': free of "));
        return result.error_output;
    };
    const std::string given_back = ": freed before, or the arena was rewound past it\n";
    CHECK(end_of([](arena& home) {
              void* const block = home.allocate(10);
              home.deallocate(block, 10);
              home.deallocate(block, 10);
          }).ends_with(given_back));
    CHECK(end_of([](arena& home) {
              void* const block = home.allocate(10);
              home.clear();
              home.deallocate(block, 10);
          }).ends_with(given_back));
    CHECK(end_of([](arena& home) {
              home.deallocate(home.allocate(10), 11); // more than there is
          }).ends_with(given_back));
    CHECK(end_of([](arena& home) {
              home.deallocate(elsewhere.data(), 1);
          }).find(": not a block of this pool, which is ") != std::string::npos);
}

TEST_CASE("the high water is the largest size that there ever was") {
    arena home({.capacity = 1000});
    CHECK(home.high_water() == 0);
    (void)home.allocate(100, 1);
    const auto here = home.mark();
    (void)home.allocate(500, 1);
    CHECK(home.high_water() == 600);
    home.rewind(here);
    (void)home.allocate(499, 1);
    CHECK(home.high_water() == 600);
    (void)home.allocate(2, 1);
    CHECK(home.high_water() == 601);
    home.clear();
    CHECK(home.high_water() == 601);
}

TEST_CASE("an arena owns its bytes whether they are in use or not") {
    arena home({.capacity = 100});
    auto* const first = static_cast<char*>(home.allocate(1, 1));
    CHECK(home.owns(first));
    CHECK(home.owns(first + 99));
    CHECK_FALSE(home.owns(first + 100));
    CHECK_FALSE(home.owns(first - 1));
    CHECK_FALSE(home.owns(&home));
    CHECK_FALSE(home.owns(nullptr));
}

TEST_CASE("a mark can be kept in the arena that it is a mark of") {
    arena home({.capacity = 1000});
    (void)home.allocate(3, 1);
    const auto* const kept = home.create<arena::mark_type>(home.mark());
    const void* const before = top_of(home);
    (void)home.allocate(100);
    home.rewind(*kept);
    CHECK(home.size() == 3);
    CHECK(top_of(home) < before);
}

TEST_CASE("bad options are refused with field and value and limit") {
    CHECK(refusal({.name = "p"}) == "millpond: pool 'p': capacity is 0, must be at least 1");
    CHECK(refusal({.name = "p", .capacity = 10, .max_capacity = 9}) ==
          "millpond: pool 'p': max_capacity is 9, must be 0 or at least capacity, 10");
    CHECK(refusal({.name = "p", .capacity = SIZE_MAX}) ==
          "millpond: pool 'p': capacity is 18446744073709551615, must be at most "
          "4611686018427387903");
    CHECK(refusal({.name = "p", .capacity = 1, .max_capacity = SIZE_MAX / 2}) ==
          "millpond: pool 'p': max_capacity is 9223372036854775807, must be at most "
          "4611686018427387903");
    CHECK(refusal({.name = "p",
                   .capacity = 100,
                   .memory = {.source = millpond::memory_source::buffer}}) ==
          "millpond: pool 'p': memory.buffer.size() is 0, must be at least 115");
}
