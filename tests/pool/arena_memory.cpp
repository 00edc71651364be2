// SPDX-License-Identifier: MIT
/// \file
/// Where an arena's bytes lie, how they grow and go back to the system, and who may touch them:
/// pool/arena.hpp.

#include "millpond/pool/arena.hpp"
#include "millpond/pool/frame_arena.hpp"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "arena_objects.hpp"
#include "child.hpp"
#include "process_maps.hpp"
#include "sound.hpp"
#include "support/faults.hpp"
#include "support/sanitized.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>
#include <malloc.h>

#if MILLPOND_ADDRESS_SANITIZER
#    include <sanitizer/asan_interface.h>
#endif

using millpond::arena;
using millpond::memory_source;
using millpond::page_size;
using millpond::test::fewest_faults;
using millpond::test::mapping_of;

namespace {

const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
constexpr std::size_t mebibyte = std::size_t{1} << 20;

/// Takes all that there is, in pieces of a page at most.
void fill(arena& home) {
    while (void* const block = home.try_allocate(std::min(page, home.available()), 1)) {
        std::memset(block, 1, 1);
        if (home.available() == 0) {
            break;
        }
    }
}

} // namespace

TEST_CASE("an arena grows to its maximum in steps and moves nothing") {
    arena home({.capacity = 10'000, .max_capacity = 40 * mebibyte});
    auto* const first = static_cast<unsigned char*>(home.allocate(1000, 1));
    std::set<std::size_t> capacities;
    std::size_t taken = 1000;
    while (void* const block = home.try_allocate(1000, 1)) {
        REQUIRE(block == first + taken);
        std::memset(block, static_cast<int>(taken % 251), 1000);
        taken += 1000;
        capacities.insert(home.capacity());
    }
    CHECK(taken == 40 * mebibyte / 1000 * 1000);
    CHECK(capacities.size() > 10);
    CHECK(home.capacity() == 40 * mebibyte);
    bool kept = true;
    for (std::size_t at = 1000; at < taken; at += 1000) {
        kept = kept && std::all_of(first + at, first + at + 1000, [&](auto byte) {
                   return byte == at % 251;
               });
    }
    CHECK(kept);
    CHECK_SOUND(home);
}

TEST_CASE("an arena grows by 2 MiB or an eighth or what one allocation needs") {
    arena home({.capacity = 100, .max_capacity = 200 * mebibyte});
    (void)home.allocate(100, 1);
    CHECK(home.capacity() == 100);
    (void)home.allocate(1, 1);
    CHECK(home.capacity() == 100 + 2 * mebibyte);
    (void)home.allocate(80 * mebibyte, 1);
    CHECK(home.capacity() == 101 + 80 * mebibyte);
    (void)home.allocate(1, 1);
    CHECK(home.capacity() == 101 + 80 * mebibyte + (101 + 80 * mebibyte) / 8);
    CHECK_SOUND(home);
}

TEST_CASE("reserve makes bytes ready at once and refuses what is beyond the maximum") {
    arena home({.name = "r", .capacity = 100, .max_capacity = 10 * mebibyte});
    (void)home.allocate(60, 1);
    home.reserve(9 * mebibyte);
    CHECK(home.capacity() == 9 * mebibyte);
    home.reserve(5);
    CHECK(home.capacity() == 9 * mebibyte);
    CHECK_THROWS_WITH_AS(home.reserve(10 * mebibyte + 1),
                         "millpond: pool 'r' is exhausted: 10485701 bytes do not fit, capacity "
                         "9437184 bytes, peak 60 bytes",
                         millpond::pool_exhausted);
    CHECK_SOUND(home);
}

TEST_CASE("an alignment beyond a page is honoured at the price of what lies before") {
    arena home({.capacity = 1, .max_capacity = 64 * mebibyte});
    for (const std::size_t alignment : {page, 2 * mebibyte, 16 * mebibyte}) {
        auto* const block = static_cast<char*>(home.try_allocate(page, alignment));
        REQUIRE(block != nullptr);
        CHECK(reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
        std::memset(block, 1, page);
    }
    CHECK_SOUND(home);
}

TEST_CASE("arenas on pages and heap and a buffer give all their bytes") {
    for (const auto source : {memory_source::mapped, memory_source::heap, memory_source::buffer}) {
        for (const std::size_t start : {0U, 1U, 7U, 8U, 15U}) {
            millpond::arena_options options{.capacity = 1001, .memory = {.source = source}};
            const std::size_t needed = arena::buffer_bytes(options);
            CHECK(needed == 1001 + 15);
            std::vector<std::byte> buffer(start + needed);
            options.memory.buffer = std::span(buffer).subspan(start);
            arena home(options);
            void* const block = home.allocate(1001);
            CHECK(reinterpret_cast<std::uintptr_t>(block) % alignof(std::max_align_t) == 0);
            std::memset(block, 0xff, 1001);
            CHECK(home.try_allocate(1, 1) == nullptr);
            CHECK_SOUND(home);
        }
    }
}

TEST_CASE("an arena's buffer can be an array whose size the options say at compile time") {
    static constexpr millpond::arena_options options{.capacity = 100};
    static std::array<std::byte, arena::buffer_bytes(options)> memory;
    arena home({.capacity = 100, .memory = {.source = memory_source::buffer, .buffer = memory}});
    std::memset(home.allocate(100, 1), 1, 100);
    CHECK_SOUND(home);
    static std::array<std::byte, millpond::frame_arena::buffer_bytes(options)> both;
    millpond::frame_arena frames(
        {.capacity = 100, .memory = {.source = memory_source::buffer, .buffer = both}});
    for (int frame = 0; frame < 3; ++frame) {
        std::memset(frames.current().allocate(100, 1), 1, 100);
        frames.next_frame();
    }
    CHECK(frames.verify());
}

TEST_CASE("an arena on heap or buffer has its maximum from the start") {
    for (const auto source : {memory_source::heap, memory_source::buffer}) {
        std::vector<std::byte> buffer(1015);
        arena home(
            {.capacity = 10, .max_capacity = 1000, .memory = {.source = source, .buffer = buffer}});
        CHECK(home.capacity() == 1000);
        CHECK(home.shrink() == 0);
        CHECK_SOUND(home);
    }
}

TEST_CASE("a buffer is its owner's again when the arena in it has died") {
    std::vector<std::byte> buffer(1015);
    for (int round = 0; round < 3; ++round) {
        {
            arena home(
                {.capacity = 1000, .memory = {.source = memory_source::buffer, .buffer = buffer}});
            (void)home.allocate(33, 1);
            (void)home.create<millpond::test::object>(1);
        }
        std::memset(buffer.data(), 0xee, buffer.size());
    }
    CHECK(buffer[500] == std::byte{0xee});
}

TEST_CASE("a shrunken arena gives back just the whole pages above what is in use") {
    arena home({.capacity = 100 * page});
    const auto start = home.mark();
    auto* const first = static_cast<char*>(home.allocate(100 * page, 1));
    std::memset(first, 7, 100 * page);
    CHECK(home.shrink() == 0);
    home.rewind(start);
    auto* const kept = static_cast<char*>(home.allocate(10 * page + 1, 1));
    kept[10 * page] = 8;
    CHECK(home.shrink() == 89 * page);
    CHECK(millpond::test::resident_bytes(first, 100 * page) == 11 * page);
    CHECK(kept[10 * page] == 8);
    CHECK(home.shrink() == 0);
    std::memset(home.allocate(home.available(), 1), 1, 89 * page);
    CHECK_SOUND(home);
}

TEST_CASE("a write past the end of a guarded arena is stopped by SIGSEGV") {
    const auto result = millpond::test::run_in_child([] {
        arena home({.capacity = page, .memory = {.guard_pages = true}});
        auto* const block = static_cast<volatile char*>(home.allocate(page, 1));
        block[page - 1] = 1;
        block[page] = 1;
    });
    CHECK(result.signal == SIGSEGV);
}

TEST_CASE("an arena shows its name in the process's maps and where it grew too") {
    arena home({.name = "lake", .capacity = page, .max_capacity = 10 * mebibyte});
    const auto* const first = static_cast<const char*>(home.allocate(9 * mebibyte, 1));
    const std::string name = mapping_of(first).name;
    if (name.empty()) {
        millpond::test::skip("this kernel does not name anonymous memory");
        return;
    }
    CHECK(name == "[anon:millpond:lake]");
    CHECK(mapping_of(first + 9 * mebibyte - 1).name == "[anon:millpond:lake]");
}

TEST_CASE("an arena says which pages it stands on and why they are not those asked for") {
    for (const page_size wanted : {page_size::standard,
                                   page_size::transparent_huge,
                                   page_size::huge_2mib,
                                   page_size::huge_1gib}) {
        arena home({.capacity = 100, .memory = {.pages = wanted}});
        const millpond::pool_stats now = home.stats();
        CHECK((now.pages == wanted) == (now.page_size_error == 0));
        CHECK(now.block_bytes == 1);
        CHECK(now.bytes_metadata == 0);
        std::memset(home.allocate(100, 1), 1, 100);
        CHECK_SOUND(home);
    }
}

TEST_CASE("a prefaulted arena of every source faults no page in its first use nor where it grows") {
    if (millpond::test::sanitized) {
        millpond::test::skip("a sanitizer faults in its own pages");
        return;
    }
    mallopt(M_MMAP_THRESHOLD, 64 * 1024); // large heap blocks are fresh pages, never recycled ones
    for (const auto source : {memory_source::mapped, memory_source::heap, memory_source::buffer}) {
        CAPTURE(int(source));
        millpond::arena_options options{.capacity = 4 * mebibyte,
                                        .max_capacity = 8 * mebibyte,
                                        .prefault = true,
                                        .memory = {.source = source}};
        std::vector<std::byte> buffer(arena::buffer_bytes(options));
        options.memory.buffer = buffer;
        CHECK(fewest_faults([&] { return std::make_unique<arena>(options); }, fill) == 0);
        const auto grown = [&] {
            auto home = std::make_unique<arena>(options);
            fill(*home);
            home->reserve(8 * mebibyte);
            return home;
        };
        CHECK(fewest_faults(grown, fill) == 0);
    }
}

TEST_CASE("a locked arena stays resident and does not shrink") {
    if (!millpond::test::locks_memory) {
        millpond::test::skip("sanitizers leave out mlock");
        return;
    }
    try {
        arena home({.capacity = 4 * page, .memory = {.lock = true}});
        auto* const first = static_cast<char*>(home.allocate(1, 1));
        home.clear();
        CHECK(home.shrink() == 0);
        CHECK(millpond::test::resident_bytes(first, 4 * page) == 4 * page);
    } catch (const std::system_error& error) {
        CHECK(std::string(error.what()).find("commit and lock") != std::string::npos);
        millpond::test::skip("this process may not lock memory");
    }
}

#if MILLPOND_ADDRESS_SANITIZER

TEST_CASE("AddressSanitizer knows to the byte what is in use") {
    for (const std::size_t start : {0U, 3U}) {
        arena home({.capacity = 4096});
        (void)home.try_allocate(start, 1);
        for (std::size_t bytes = 1; bytes <= 40; ++bytes) {
            const auto here = home.mark();
            auto* const block = static_cast<char*>(home.allocate(bytes, 8));
            REQUIRE(__asan_region_is_poisoned(block, bytes) == nullptr);
            REQUIRE(__asan_address_is_poisoned(block + bytes) != 0);
            home.rewind(here);
            REQUIRE(__asan_address_is_poisoned(block) != 0);
            REQUIRE(__asan_address_is_poisoned(block + bytes - 1) != 0);
        }
    }
}

TEST_CASE("AddressSanitizer sees a record of a destructor as nobody's") {
    arena home({.capacity = 4096});
    (void)home.allocate(8);
    auto* const made = reinterpret_cast<char*>(home.create<millpond::test::object>(1));
    CHECK(__asan_address_is_poisoned(made - 16) != 0);
    CHECK(__asan_address_is_poisoned(made - 1) != 0);
    CHECK(__asan_address_is_poisoned(made) == 0);
    const auto elements = home.make_array<millpond::test::element>(2);
    CHECK(__asan_address_is_poisoned(reinterpret_cast<char*>(elements.data()) - 24) != 0);
    CHECK(__asan_address_is_poisoned(reinterpret_cast<char*>(elements.data()) - 1) != 0);
    CHECK_SOUND(home); // and still reads it
    CHECK(__asan_address_is_poisoned(made - 16) != 0);
}

TEST_CASE("AddressSanitizer sees what a growing arena has not given yet as nobody's") {
    arena home({.capacity = 100, .max_capacity = 10 * mebibyte});
    auto* const block = static_cast<char*>(home.allocate(200, 1));
    CHECK(__asan_region_is_poisoned(block, 200) == nullptr);
    CHECK(__asan_address_is_poisoned(block + 200) != 0);
    CHECK(__asan_address_is_poisoned(block + mebibyte) != 0);
}

TEST_CASE("a program that reads what a rewind has given back dies under AddressSanitizer") {
    const auto result = millpond::test::run_in_child([] {
        arena home({.capacity = 4096});
        const auto here = home.mark();
        volatile int* const number = home.create<int>(7);
        home.rewind(here);
        (void)home.allocate(1, 1); // not as much as there was
        _exit(number[1] == 0 ? 3 : 4);
    });
    CHECK(result.code != 0);
    CHECK(result.code != 3);
    CHECK(result.code != 4);
    CHECK(result.error_output.find("use-after-poison") != std::string::npos);
}

#endif
