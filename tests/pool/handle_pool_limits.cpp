// SPDX-License-Identifier: MIT
/// \file
/// How many objects a handle_pool holds, how often a slot is used, and on what memory.

#include "millpond/pool/handle_pool.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "handle_sound.hpp"
#include "support/faults.hpp"
#include "support/sanitized.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>

using millpond::handle;
using millpond::handle_pool;
using millpond::handle_pool_options;
using millpond::memory_source;
using millpond::test::fewest_faults;
using millpond::test::object_of;

namespace {

struct fragile {
    explicit fragile(bool broken) {
        if (broken) {
            throw std::runtime_error("broken");
        }
    }
};

struct alignas(256) page_line {
    char text[3];
};

/// As large as a page, so that no more of them are committed than were asked for.
struct whole_page {
    std::array<char, 4096> bytes{};
};

struct body {
    std::uint64_t number;
    std::array<std::uint64_t, 5> rest{};
};

constexpr std::array sources = {memory_source::mapped, memory_source::heap, memory_source::buffer};

} // namespace

TEST_CASE("a small pool's slot can be used as often as all bits that are not its number allow") {
    for (const auto& [capacity, bits] :
         {std::pair<std::size_t, int>{1, 56}, {2, 55}, {3, 54}, {1024, 46}, {1025, 45}}) {
        const std::uint64_t most = std::uint64_t{1} << bits;
        handle_pool_options options{.name = "p", .capacity = capacity, .generations = most};
        CHECK_NOTHROW(handle_pool<int>{options});
        options.generations = most + 1;
        CHECK_THROWS_WITH_AS(handle_pool<int>{options},
                             ("millpond: pool 'p': generations is " + std::to_string(most + 1) +
                              ", must be at most " + std::to_string(most))
                                 .c_str(),
                             std::invalid_argument);
    }
}

TEST_CASE("creating and growing move no object") {
    handle_pool<body> pool({.capacity = 2, .max_capacity = 100'000});
    const handle<body> first = pool.create(std::uint64_t{7});
    const body* const where = pool.get(first);
    for (std::uint64_t i = 0; i < 60'000; ++i) {
        (void)pool.create(i);
    }
    CHECK(pool.get(first) == where);
    CHECK(where->number == 7);
    CHECK(pool.capacity() >= 60'001);
    pool.reserve(100'000);
    CHECK(pool.get(first) == where);
    CHECK(pool.capacity() == 100'000);
    CHECK_HANDLES_SOUND(pool);
}

TEST_CASE("a full pool gives the null handle or throws and says what it is full of") {
    handle_pool<int> pool({.name = "ints", .capacity = 3});
    for (int i = 0; i < 3; ++i) {
        CHECK(pool.try_create(i));
    }
    CHECK(!pool.try_create(3));
    CHECK_THROWS_WITH_AS(pool.create(3),
                         "millpond: pool 'ints' is exhausted: capacity 3, peak 3",
                         millpond::pool_exhausted);
    CHECK(pool.stats().failures == 2);
    CHECK_HANDLES_SOUND(pool);
}

TEST_CASE("a slot is used as often as generations says and then retired") {
    for (const std::uint64_t generations : {1U, 2U, 3U}) {
        CAPTURE(generations);
        handle_pool<int> pool({.name = "ints", .capacity = 4, .generations = generations});
        std::set<handle<int>> given;
        for (std::uint64_t i = 0; i < 4 * generations; ++i) {
            const handle<int> named = pool.create(1);
            CHECK(given.insert(named).second);
            CHECK(pool.destroy(named));
            CHECK_HANDLES_SOUND(pool);
            CHECK(pool.retired() == (i + 1) / generations);
            CHECK(pool.capacity() == 4 - pool.retired());
        }
        CHECK(!pool.try_create(1));
        CHECK_THROWS_WITH_AS(pool.create(1),
                             "millpond: pool 'ints' is exhausted: capacity 0, peak 1",
                             millpond::pool_exhausted);
        CHECK_THROWS_AS(pool.reserve(1), millpond::pool_exhausted);
        for (const handle<int> named : given) {
            CHECK(!pool.contains(named));
        }
    }
}

TEST_CASE("retired slots leave room for as many objects as capacity says") {
    handle_pool<whole_page> pool({.capacity = 2, .max_capacity = 10, .generations = 1});
    for (int i = 0; i < 7; ++i) {
        pool.destroy(pool.create());
    }
    CHECK(pool.retired() == 7);
    CHECK(pool.capacity() == 2);
    pool.reserve(3);
    CHECK_THROWS_AS(pool.reserve(4), millpond::pool_exhausted);
    for (int i = 0; i < 3; ++i) {
        CHECK(pool.create());
    }
    CHECK(pool.capacity() == 3);
    CHECK(pool.available() == 0);
    CHECK(!pool.try_create());
    CHECK(pool.stats().max_capacity == 10);
    CHECK_HANDLES_SOUND(pool);
}

TEST_CASE("a constructor that throws passes its exception on and leaves its place free") {
    handle_pool<fragile> pool({.capacity = 2});
    const handle<fragile> kept = pool.create(false);
    for (int i = 0; i < 5; ++i) {
        CHECK_THROWS_WITH_AS(pool.create(true), "broken", std::runtime_error);
        CHECK_THROWS_WITH_AS((void)pool.try_create(true), "broken", std::runtime_error);
        CHECK_HANDLES_SOUND(pool);
    }
    CHECK(pool.size() == 1);
    CHECK(pool.try_create(false));
    CHECK(!pool.try_create(false));
    CHECK(pool.contains(kept));
}

TEST_CASE("an over-aligned type gets its alignment from every source") {
    for (const auto source : sources) {
        handle_pool_options options{.capacity = 9, .memory = {.source = source}};
        std::vector<std::byte> buffer(handle_pool<page_line>::buffer_bytes(options));
        options.memory.buffer = buffer;
        handle_pool<page_line> pool(options);
        std::size_t aligned = 0;
        while (const auto named = pool.try_create()) {
            aligned += reinterpret_cast<std::uintptr_t>(pool.get(named)) % 256 == 0 ? 1U : 0U;
        }
        CHECK(aligned == 9);
    }
}

TEST_CASE("pools on pages and heap and a buffer grow and shrink as their memory can") {
    for (const auto source : sources) {
        CAPTURE(int(source));
        handle_pool_options options{
            .name = "p", .capacity = 10, .max_capacity = 50'000, .memory = {.source = source}};
        std::vector<std::byte> buffer(handle_pool<body>::buffer_bytes(options));
        options.memory.buffer = std::span(buffer).first(buffer.size() - 1);
        if (source == memory_source::buffer) {
            CHECK_THROWS_AS(handle_pool<body>{options}, std::invalid_argument);
        }
        options.memory.buffer = buffer;
        handle_pool<body> pool(options);
        CHECK(pool.capacity() == (source == memory_source::mapped ? 10 : 50'000));
        std::vector<handle<body>> made;
        while (const auto named = pool.try_create(made.size())) {
            made.push_back(named);
        }
        CHECK(made.size() == 50'000);
        CHECK_HANDLES_SOUND(pool);
        for (std::size_t i = 100; i < made.size(); ++i) {
            pool.destroy(made[i]);
        }
        const std::size_t returned = pool.shrink();
        CHECK((returned > 49'000 * sizeof(body)) == (source == memory_source::mapped));
        for (std::size_t i = 0; i < 100; ++i) {
            CHECK(object_of(pool, made[i]).number == i);
        }
        CHECK(pool.create(std::uint64_t{5}));
        CHECK_HANDLES_SOUND(pool);
    }
}

TEST_CASE("a pool says what is its memory") {
    handle_pool<body> pool({.name = "bodies", .capacity = 100, .memory = {.guard_pages = true}});
    const handle<body> named = pool.create(std::uint64_t{1});
    CHECK(pool.owns(pool.get(named)));
    CHECK(pool.owns(pool.end()));
    CHECK(!pool.owns(&pool));
    CHECK(std::string(pool.name()) == "bodies");
    CHECK(pool.stats().block_bytes == sizeof(body));
    CHECK(pool.stats().bytes_metadata == 1200); // twelve bytes an object
}

TEST_CASE("a prefaulted pool of handles faults no page in its first use") {
    if (millpond::test::sanitized) {
        millpond::test::skip("a sanitizer faults in its own pages");
        return;
    }
    using bodies = handle_pool<body>;
    std::vector<handle<body>> made(100'000);
    const auto prepare = [] {
        return std::make_unique<bodies>(handle_pool_options{.capacity = 100'000, .prefault = true});
    };
    const auto use = [&made](bodies& pool) {
        for (auto& named : made) {
            named = pool.create(std::uint64_t{1});
        }
        for (const auto& named : made) {
            pool.destroy(named);
        }
    };
    CHECK(fewest_faults(prepare, use) == 0);
}

TEST_CASE("bad options are refused with their field") {
    CHECK_THROWS_WITH_AS(handle_pool<int>({.name = "p"}),
                         "millpond: pool 'p': capacity is 0, must be at least 1",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(handle_pool<int>({.name = "p", .capacity = 2, .max_capacity = 1}),
                         "millpond: pool 'p': max_capacity is 1, must be 0 or at least capacity, 2",
                         std::invalid_argument);
    CHECK_THROWS_AS(handle_pool<int>({.name = "p", .capacity = std::size_t{1} << 32}),
                    std::invalid_argument);
}
