// SPDX-License-Identifier: MIT
/// \file
/// What a concurrent_block_pool can be made of: options, sources of memory, shapes.

#include "millpond/millpond.hpp"

#include <array>
#include <cstdint>
#include <cstring>
#include <set>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "crew.hpp"
#include "pool/process_maps.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::concurrent_block_pool_options;
using millpond::memory_source;
using millpond::test::drain;
using millpond::test::free_all;

namespace {

/// The text of the invalid_argument that these options cause; empty if they cause none.
std::string refusal(const concurrent_block_pool_options& options) {
    try {
        const concurrent_block_pool pool(options);
    } catch (const std::invalid_argument& error) {
        return error.what();
    }
    return {};
}

} // namespace

TEST_CASE("a bad option of a concurrent pool is refused with its field and value and limit") {
    CHECK(refusal({.name = "p", .block_bytes = 0, .capacity = 1}) ==
          "millpond: pool 'p': block_bytes is 0, must be at least 1");
    CHECK(refusal({.name = "p", .block_bytes = 8, .block_alignment = 24, .capacity = 1}) ==
          "millpond: pool 'p': block_alignment is 24, must be a power of two up to 1073741824");
    CHECK(refusal({.name = "p", .block_bytes = 8, .capacity = 0}) ==
          "millpond: pool 'p': capacity is 0, must be at least 1");
    CHECK(refusal({.name = "p", .block_bytes = 8, .capacity = 1, .threads = 251}) ==
          "millpond: pool 'p': threads is 251, must be at most 250");
    CHECK_THROWS_WITH_AS(millpond::concurrent_object_pool<int>({.name = "q"}),
                         "millpond: pool 'q': capacity is 0, must be at least 1",
                         std::invalid_argument);
    CHECK_THROWS_WITH_AS(
        millpond::recycling_pool<int>({.name = "r", .capacity = 1, .threads = 1'000}),
        "millpond: pool 'r': threads is 1000, must be at most 250",
        std::invalid_argument);
}

TEST_CASE("a capacity that fits only without its spare blocks is refused with what would fit") {
    const concurrent_block_pool_options most{
        .name = "p", .block_bytes = 1, .capacity = 0xfffffffeU, .threads = 2};
    const std::string text = refusal(most);
    const std::string expected = "millpond: pool 'p': capacity is 4294967294, must be at most ";
    CHECK(text.starts_with(expected));
    const std::uint64_t limit = std::stoull(text.substr(expected.size()));
    CHECK(limit < 0xfffffffeU);
    CHECK(limit > 0xfffffffeU - 10'000);
}

TEST_CASE("a pool of any small capacity and number of threads serves at least its capacity") {
    for (const std::size_t capacity : {1U, 2U, 3U, 63U, 64U, 65U, 4096U, 4097U}) {
        for (const std::size_t threads : {0U, 1U, 2U, 16U, 250U}) {
            CAPTURE(capacity);
            CAPTURE(threads);
            concurrent_block_pool pool(
                {.block_bytes = 24, .capacity = capacity, .threads = threads});
            CHECK(pool.capacity() == capacity);
            for (int round = 0; round < 2; ++round) {
                std::vector<void*> blocks = drain(pool);
                const std::set<void*> distinct(blocks.begin(), blocks.end());
                CHECK(distinct.size() == blocks.size());
                // No other thread keeps anything, so this one gets the spare blocks as well.
                CHECK(blocks.size() == pool.stats().blocks);
                CHECK_SOUND(pool);
                free_all(pool, blocks);
                CHECK_SOUND(pool);
            }
        }
    }
}

TEST_CASE("blocks are as large and as aligned as asked for and do not overlap") {
    struct shape {
        std::size_t bytes, alignment, stride, aligned_to;
    };

    for (const shape& wanted : {shape{1, 0, 1, 1},
                                shape{24, 0, 24, 8},
                                shape{40, 64, 64, 64},
                                shape{64, 0, 64, 64},
                                shape{100, 4, 100, 4},
                                shape{5000, 4096, 8192, 4096}}) {
        CAPTURE(wanted.bytes);
        concurrent_block_pool pool({.block_bytes = wanted.bytes,
                                    .block_alignment = wanted.alignment,
                                    .capacity = 300,
                                    .threads = 2});
        CHECK(pool.block_bytes() == wanted.stride);
        CHECK(pool.block_alignment() == wanted.aligned_to);
        std::vector<void*> blocks = drain(pool);
        bool aligned = true;
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            aligned =
                aligned && reinterpret_cast<std::uintptr_t>(blocks[i]) % wanted.aligned_to == 0;
            std::memset(blocks[i], static_cast<int>(i % 251), pool.block_bytes());
        }
        bool intact = true;
        for (std::size_t i = 0; i < blocks.size(); ++i) {
            const auto* const bytes = static_cast<const unsigned char*>(blocks[i]);
            intact = intact && bytes[0] == i % 251 && bytes[pool.block_bytes() - 1] == i % 251;
        }
        CHECK(aligned);
        CHECK(intact);
        free_all(pool, blocks);
    }
}

TEST_CASE("concurrent pools on pages and heap and a buffer serve and free all their blocks") {
    for (const auto source : {memory_source::mapped, memory_source::heap, memory_source::buffer}) {
        for (const bool prefault : {false, true}) {
            concurrent_block_pool_options options{.block_bytes = 100,
                                                  .capacity = 1234,
                                                  .threads = 3,
                                                  .prefault = prefault,
                                                  .memory = {.source = source}};
            std::vector<std::byte> buffer(concurrent_block_pool::buffer_bytes(options));
            options.memory.buffer = buffer;
            concurrent_block_pool pool(options);
            std::vector<void*> blocks = drain(pool);
            CHECK(blocks.size() >= 1234);
            for (void* const block : blocks) {
                std::memset(block, 0xff, 100);
            }
            CHECK_SOUND(pool);
            free_all(pool, blocks);
            CHECK_SOUND(pool);
        }
    }
}

TEST_CASE("a buffer of a byte less than asked for is refused, and one of any alignment works") {
    concurrent_block_pool_options options{.name = "small",
                                          .block_bytes = 64,
                                          .capacity = 500,
                                          .threads = 2,
                                          .memory = {.source = memory_source::buffer}};
    const std::size_t bytes = concurrent_block_pool::buffer_bytes(options);
    std::vector<std::byte> buffer(bytes + 64);
    options.memory.buffer = std::span(buffer).first(bytes - 1);
    CHECK(refusal(options).find("pool 'small'") != std::string::npos);
    for (std::size_t shift = 0; shift < 64; shift += 7) {
        std::memset(buffer.data(), 0xee, buffer.size());
        options.memory.buffer = std::span(buffer).subspan(shift, bytes);
        concurrent_block_pool pool(options);
        CHECK(millpond::test::count_available(pool) == pool.stats().blocks);
        CHECK_SOUND(pool);
    }
}

TEST_CASE("a concurrent pool's buffer can be an array whose size the options say at compile time") {
    static constexpr concurrent_block_pool_options options{
        .block_bytes = 64, .capacity = 10, .threads = 2};
    static std::array<std::byte, concurrent_block_pool::buffer_bytes(options)> memory;
    concurrent_block_pool_options in_buffer = options;
    in_buffer.memory = {.source = memory_source::buffer, .buffer = memory};
    concurrent_block_pool pool(in_buffer);
    std::vector<void*> blocks = drain(pool);
    CHECK(blocks.size() >= 10);
    free_all(pool, blocks);
    CHECK_SOUND(pool);

    using objects = millpond::concurrent_object_pool<int>;
    static constexpr millpond::concurrent_object_pool_options of_objects{.capacity = 3,
                                                                         .threads = 1};
    static std::array<std::byte, objects::buffer_bytes(of_objects)> of_ints;
    static std::array<std::byte, objects::shared_buffer_bytes(of_objects)> controls;
    objects numbers({.capacity = 3,
                     .threads = 1,
                     .memory = {.source = memory_source::buffer, .buffer = of_ints}});
    numbers.reserve_shared({.source = memory_source::buffer, .buffer = controls});
    CHECK(*numbers.make_shared(7) == 7);
    CHECK_SOUND(numbers);

    using texts = millpond::recycling_pool<std::string>;
    static std::array<std::byte, texts::buffer_bytes({.capacity = 3, .threads = 1})> of_texts;
    texts recycled({.capacity = 3,
                    .threads = 1,
                    .memory = {.source = memory_source::buffer, .buffer = of_texts}});
    CHECK(recycled.acquire("text")->size() == 4);
    CHECK_SOUND(recycled);
}

TEST_CASE("an object pool and a recycling pool live in a buffer too") {
    millpond::concurrent_object_pool_options options{
        .capacity = 100, .threads = 2, .memory = {.source = memory_source::buffer}};
    using pool_of_strings = millpond::concurrent_object_pool<std::string>;
    std::vector<std::byte> buffer(pool_of_strings::buffer_bytes(options));
    options.memory.buffer = buffer;
    pool_of_strings pool(options);
    std::string* const text = pool.create(100U, 'x');
    CHECK(buffer.data() <= reinterpret_cast<std::byte*>(text));
    CHECK(reinterpret_cast<std::byte*>(text) < buffer.data() + buffer.size());
    CHECK_SOUND(pool);
    using recycled_strings = millpond::recycling_pool<std::string>;
    millpond::recycling_pool_options for_recycled{
        .capacity = 100, .threads = 2, .memory = {.source = memory_source::buffer}};
    const std::size_t bytes = recycled_strings::buffer_bytes(for_recycled);
    std::vector<std::byte> second(bytes);
    for_recycled.memory.buffer = std::span(second).first(bytes - 1);
    CHECK_THROWS_AS(recycled_strings{for_recycled}, std::invalid_argument);
    for_recycled.memory.buffer = second;
    recycled_strings recycled(for_recycled);
    const auto lent = recycled.acquire(3U, 'y');
    CHECK(lent->size() == 3);
    CHECK(second.data() <= reinterpret_cast<const std::byte*>(lent.get()));
    CHECK(reinterpret_cast<const std::byte*>(lent.get()) < second.data() + bytes);
    CHECK_SOUND(recycled);
}

TEST_CASE("a concurrent pool's blocks show its name in its accessor and in the process's maps") {
    concurrent_block_pool pool({.name = "river", .block_bytes = 4096, .capacity = 4});
    CHECK(std::string(pool.name()) == "river");
    void* const block = pool.allocate();
    const std::string name = millpond::test::mapping_of(block).name;
    CHECK((name.empty() || name == "[anon:millpond:river]")); // not every kernel names memory
    pool.deallocate(block);
}

TEST_CASE("spare blocks are no more than the capacity and none where threads keep nothing") {
    const concurrent_block_pool tiny({.block_bytes = 64, .capacity = 3, .threads = 2});
    CHECK(tiny.stats().blocks == 3);
    CHECK(tiny.stats().threads == 0);
    const concurrent_block_pool small({.block_bytes = 64, .capacity = 1'000, .threads = 4});
    CHECK(small.stats().blocks > 1'000);
    CHECK(small.stats().blocks <= 2'000);
    CHECK(small.stats().threads == 4);
    const concurrent_block_pool large({.block_bytes = 64, .capacity = 1'000'000, .threads = 4});
    CHECK(large.stats().blocks < 1'010'000);
    const concurrent_block_pool automatic({.block_bytes = 64, .capacity = 1'000'000});
    CHECK(automatic.stats().threads >= 8);
}
