// SPDX-License-Identifier: MIT
/// \file
/// Every bad option is refused with its field, value and limit; every odd good one works.

#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/handle_pool.hpp"
#include "millpond/pool/object_pool.hpp"

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <system_error>
#include <vector>

#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::block_pool;
using millpond::block_pool_options;
using millpond::memory_source;

namespace {

/// The text of the invalid_argument that these options cause; empty if they cause none.
std::string refusal(const block_pool_options& options) {
    try {
        const block_pool pool(options);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

} // namespace

TEST_CASE("a block size of zero or beyond a quarter of the address space is refused") {
    CHECK(refusal({.name = "p", .block_bytes = 0, .capacity = 1}) ==
          "millpond: pool 'p': block_bytes is 0, must be at least 1");
    CHECK(refusal({.name = "p", .block_bytes = SIZE_MAX, .capacity = 1}) ==
          "millpond: pool 'p': block_bytes is 18446744073709551615, must be at most "
          "4611686018427387903");
}

TEST_CASE("a capacity of zero is refused") {
    CHECK(refusal({.name = "p", .block_bytes = 8, .capacity = 0}) ==
          "millpond: pool 'p': capacity is 0, must be at least 1");
    CHECK_THROWS_WITH_AS(millpond::object_pool<int>({.name = "q"}),
                         "millpond: pool 'q': capacity is 0, must be at least 1",
                         std::invalid_argument);
}

TEST_CASE("an alignment that is no power of two or beyond 1 GiB is refused") {
    CHECK(refusal({.name = "p", .block_bytes = 8, .block_alignment = 24, .capacity = 1}) ==
          "millpond: pool 'p': block_alignment is 24, must be a power of two up to 1073741824");
    CHECK(refusal({.name = "p", .block_bytes = 8, .block_alignment = 2147483648U, .capacity = 1}) ==
          "millpond: pool 'p': block_alignment is 2147483648, must be at most 1073741824");
}

TEST_CASE("a maximum below the capacity is refused") {
    CHECK(refusal({.name = "p", .block_bytes = 8, .capacity = 10, .max_capacity = 9}) ==
          "millpond: pool 'p': max_capacity is 9, must be 0 or at least capacity, 10");
}

TEST_CASE("more blocks than an index can name are refused") {
    CHECK(refusal({.name = "p", .block_bytes = 1, .capacity = 4294967296U}) ==
          "millpond: pool 'p': capacity is 4294967296, must be at most 4294967295");
    CHECK(refusal({.name = "p", .block_bytes = 1, .capacity = 1, .max_capacity = SIZE_MAX}) ==
          "millpond: pool 'p': max_capacity is 18446744073709551615, must be at most 4294967295");
}

TEST_CASE("a product of count and size that overflows is refused") {
    CHECK(refusal({.name = "p", .block_bytes = std::size_t{1} << 40, .capacity = 1U << 30}) ==
          "millpond: pool 'p': capacity is 1073741824, must be at most 4194303");
}

TEST_CASE("a buffer that is a byte too small is refused with what it needs") {
    const block_pool_options options{.name = "p",
                                     .block_bytes = 24,
                                     .capacity = 10,
                                     .memory = {.source = memory_source::buffer}};
    const std::size_t needed = block_pool::buffer_bytes(options);
    std::vector<std::byte> memory(needed);
    block_pool_options with_buffer = options;
    with_buffer.memory.buffer = std::span(memory).first(needed - 1);
    CHECK(refusal(with_buffer) == "millpond: pool 'p': memory.buffer.size() is " +
                                      std::to_string(needed - 1) + ", must be at least " +
                                      std::to_string(needed));
    CHECK(refusal(options) == "millpond: pool 'p': memory.buffer.size() is 0, must be at least " +
                                  std::to_string(needed));
}

TEST_CASE("a buffer can be an array whose size the options say at compile time") {
    static constexpr block_pool_options options{.block_bytes = 64, .capacity = 10};
    static std::array<std::byte, block_pool::buffer_bytes(options)> memory;
    block_pool_options in_buffer = options;
    in_buffer.memory = {.source = memory_source::buffer, .buffer = memory};
    block_pool pool(in_buffer);
    std::array<void*, 11> blocks{};
    CHECK(pool.try_allocate_bulk(blocks) == 10);
    CHECK_SOUND(pool);
    pool.clear();
    static std::array<std::byte, millpond::object_pool<std::string>::buffer_bytes({.capacity = 3})>
        objects;
    millpond::object_pool<std::string> strings(
        {.capacity = 3, .memory = {.source = memory_source::buffer, .buffer = objects}});
    CHECK(strings.create("text")->size() == 4);
    static std::array<std::byte, millpond::handle_pool<int>::buffer_bytes({.capacity = 3})> ints;
    millpond::handle_pool<int> numbers(
        {.capacity = 3, .memory = {.source = memory_source::buffer, .buffer = ints}});
    CHECK(numbers.get(numbers.create(7)) != nullptr);
}

TEST_CASE("a buffer of exactly the size that was asked for works from every start address") {
    for (std::size_t start = 0; start < 64; ++start) {
        block_pool_options options{.block_bytes = 40,
                                   .block_alignment = 32,
                                   .capacity = 7,
                                   .memory = {.source = memory_source::buffer}};
        const std::size_t needed = block_pool::buffer_bytes(options);
        std::vector<std::byte> memory(needed + start);
        options.memory.buffer = std::span(memory).subspan(start);
        block_pool pool(options);
        std::array<void*, 7> blocks{};
        REQUIRE(pool.try_allocate_bulk(blocks) == 7);
        for (void* const block : blocks) {
            auto* const first = static_cast<std::byte*>(block);
            REQUIRE(reinterpret_cast<std::uintptr_t>(first) % 32 == 0);
            REQUIRE(first >= options.memory.buffer.data());
            REQUIRE(first + 64 <= memory.data() + memory.size());
        }
        REQUIRE_SOUND(pool);
        pool.deallocate_bulk(blocks);
    }
}

TEST_CASE("more address space than there is is refused with bytes and page size and errno") {
    try {
        const block_pool pool({.name = "vast", .block_bytes = 1U << 20, .capacity = 4294967295U});
        FAIL("no machine has four pebibytes");
    } catch (const std::system_error& error) {
        CHECK(error.code().value() == ENOMEM);
        CHECK(std::string(error.what()) ==
              "millpond: pool 'vast': cannot reserve 4503599626321920 bytes in pages of 4096: "
              "Cannot allocate memory");
    }
}

TEST_CASE("sizes from 1 to 300 bytes work at capacities around a word") {
    for (std::size_t bytes = 1; bytes <= 300; ++bytes) {
        for (const std::size_t capacity : {1U, 63U, 64U, 65U}) {
            block_pool pool({.block_bytes = bytes,
                             .capacity = capacity,
                             .memory = {.source = memory_source::heap}});
            std::vector<void*> blocks;
            while (void* const block = pool.try_allocate()) {
                REQUIRE(reinterpret_cast<std::uintptr_t>(block) %
                            millpond::detail::natural_alignment(bytes) ==
                        0);
                blocks.push_back(block);
            }
            REQUIRE(blocks.size() == capacity);
            pool.deallocate_bulk(blocks);
            REQUIRE_SOUND(pool);
        }
    }
}

TEST_CASE("every alignment up to 4 MiB is honoured by every block") {
    for (std::size_t alignment = 1; alignment <= (std::size_t{4} << 20); alignment *= 2) {
        CAPTURE(alignment);
        block_pool pool({.block_bytes = 3, .block_alignment = alignment, .capacity = 5});
        CHECK(pool.block_alignment() == alignment);
        CHECK(pool.block_bytes() == millpond::detail::round_up(3, alignment));
        std::array<void*, 5> blocks{};
        pool.allocate_bulk(blocks);
        for (void* const block : blocks) {
            REQUIRE(reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
            *static_cast<char*>(block) = 'x'; // the last block must be committed too
        }
        CHECK_SOUND(pool);
        pool.deallocate_bulk(blocks);
    }
}
