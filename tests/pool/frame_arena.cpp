// SPDX-License-Identifier: MIT
/// \file
/// Two arenas that take turns: pool/frame_arena.hpp.

#include "millpond/pool/frame_arena.hpp"

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstring>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "arena_objects.hpp"
#include "child.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::frame_arena;
using millpond::test::destroyed;
using millpond::test::object;

namespace {

using numbers = std::vector<int>;

struct empty_log {
    empty_log() { destroyed.clear(); }
};

/// Looks at an object of the frame before its own when it is destroyed.
struct successor {
    explicit successor(const object* before)
        : last(before) {}

    successor(const successor&) = delete;
    successor& operator=(const successor&) = delete;

    ~successor() { destroyed.push_back(100 + last->number); }

    const object* last;
};

struct skipping {
    explicit skipping(frame_arena& pair)
        : frames(&pair) {}

    skipping(const skipping&) = delete;
    skipping& operator=(const skipping&) = delete;

    ~skipping() { frames->next_frame(); }

    frame_arena* frames;
};

} // namespace

TEST_CASE_FIXTURE(empty_log, "what was made in a frame is good until the frame after the next") {
    frame_arena frames({.capacity = 1000});
    object* const first = frames.create<object>(1);
    auto* const raw = static_cast<char*>(frames.allocate(100));
    std::memset(raw, 'x', 100);
    frames.next_frame();
    CHECK(destroyed.empty());
    (void)frames.create<object>(2);
    std::memset(frames.allocate(400), 'y', 400);
    CHECK(first->number == 1);
    CHECK(std::all_of(raw, raw + 100, [](char byte) { return byte == 'x'; }));
    CHECK(frames.owns(raw));
    CHECK(frames.previous().owns(raw));
    CHECK_FALSE(frames.current().owns(raw));
    frames.next_frame();
    CHECK(destroyed == numbers{1});
    CHECK(frames.current().size() == 0);
    CHECK(static_cast<void*>(frames.create<object>(3)) == first);
    CHECK(frames.frame() == 2);
    CHECK_SOUND(frames.current());
    CHECK_SOUND(frames.previous());
    CHECK(frames.verify());
}

TEST_CASE_FIXTURE(empty_log, "frames run the destructors of the frame before last and no others") {
    frame_arena frames({.capacity = 1000});
    for (int i = 0; i < 100; ++i) {
        (void)frames.create<object>(2 * i);
        (void)frames.try_create<object>(2 * i + 1);
        frames.next_frame();
        REQUIRE(destroyed.size() == std::size_t(2 * i));
    }
    CHECK(destroyed[0] == 1); // the newest of its frame
    CHECK(destroyed[1] == 0);
    CHECK(destroyed.back() == 2 * 98);
}

TEST_CASE_FIXTURE(empty_log, "a pair of frames that dies destroys the current one first") {
    {
        frame_arena frames({.capacity = 1000});
        frames.next_frame();
        const object* const last = frames.create<object>(7);
        frames.next_frame();
        (void)frames.create<successor>(last);
    }
    CHECK(destroyed == numbers{107, 7});
}

TEST_CASE("all that an arena makes a frame makes too") {
    frame_arena frames({.name = "pair", .capacity = 100});
    CHECK(frames.make_array<int>(4).size() == 4);
    CHECK(frames.try_make_array<int>(4).size() == 4);
    CHECK(frames.duplicate("text") == "text");
    CHECK(frames.try_duplicate("text") == "text");
    CHECK(frames.try_allocate(5, 1) != nullptr);
    CHECK(frames.current().size() == 47);
    CHECK(frames.try_allocate(54, 1) == nullptr);
    CHECK_THROWS_WITH_AS((void)frames.allocate(54, 1),
                         "millpond: pool 'pair' is exhausted: 54 bytes do not fit, capacity 100 "
                         "bytes, peak 47 bytes",
                         millpond::pool_exhausted);
    CHECK_THROWS_AS((void)frames.make_array<int>(SIZE_MAX), millpond::pool_exhausted);
    CHECK(std::string(frames.name()) == "pair");
    {
        const millpond::arena::scope inner(frames.current());
        (void)frames.create<int>(1);
    }
    CHECK(frames.current().size() == 47);
}

TEST_CASE("the high water is what the largest frame has used") {
    frame_arena frames({.capacity = 1000});
    for (const std::size_t bytes : {100U, 700U, 300U, 200U, 10U}) {
        (void)frames.allocate(bytes, 1);
        frames.next_frame();
    }
    CHECK(frames.high_water() == 700);
    (void)frames.allocate(701, 1);
    CHECK(frames.high_water() == 701);
}

TEST_CASE("both frames have the whole capacity from the start") {
    frame_arena frames({.capacity = 5000, .max_capacity = 6000});
    CHECK(frames.current().capacity() == 5000);
    CHECK(frames.previous().capacity() == 5000);
    for (int i = 0; i < 4; ++i) {
        std::memset(frames.allocate(5000, 1), 1, 5000);
        CHECK(frames.current().stats().failures == 0);
        frames.next_frame();
    }
    CHECK(frames.current().capacity() == 5000);
}

TEST_CASE("frames share out a buffer and refuse one that is a byte too small") {
    millpond::arena_options options{
        .name = "pair", .capacity = 1000, .memory = {.source = millpond::memory_source::buffer}};
    const std::size_t needed = frame_arena::buffer_bytes(options);
    CHECK(needed == 2 * 1015);
    std::vector<std::byte> buffer(needed);
    options.memory.buffer = buffer;
    {
        frame_arena frames(options);
        auto* const first = static_cast<std::byte*>(frames.allocate(1000));
        frames.next_frame();
        auto* const second = static_cast<std::byte*>(frames.allocate(1000));
        CHECK(first + 1000 <= second);
        std::memset(first, 1, 1000);
        std::memset(second, 2, 1000);
        CHECK(first[999] == std::byte{1});
        CHECK(second + 1000 <= buffer.data() + needed);
    }
    options.memory.buffer = std::span(buffer).first(needed - 1);
    CHECK_THROWS_WITH_AS(
        frame_arena{options},
        "millpond: pool 'pair': memory.buffer.size() is 2029, must be at least 2030",
        std::invalid_argument);
    options.memory.buffer = {};
    CHECK_THROWS_AS(frame_arena{options}, std::invalid_argument);
}

TEST_CASE("a destructor that asks for the next frame while one begins stops the program") {
    const auto result = millpond::test::run_in_child([] {
        frame_arena frames({.name = "pair", .capacity = 1000});
        (void)frames.create<skipping>(frames);
        frames.next_frame();
        frames.next_frame();
    });
    CHECK(result.signal == SIGABRT);
    CHECK(result.error_output.ends_with(
        ": by a destructor that a rewind runs, past what it destroys\n"));
}
