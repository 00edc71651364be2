// SPDX-License-Identifier: MIT
/// \file
/// What AddressSanitizer is told of blocks: base/instrument.hpp. Built with it only.

#include "millpond/millpond.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <new>
#include <span>
#include <vector>

#include <doctest/doctest.h>
#include <sanitizer/asan_interface.h>

namespace {

struct twelve {
    int a;
    int b;
    int c;
};

/// True when all of it may be used.
bool is_open(const void* block, std::size_t bytes) {
    return __asan_region_is_poisoned(const_cast<void*>(block), bytes) == nullptr;
}

/// True when there are eight aligned bytes in the block, and none of any such eight may be used.
bool is_shut(const void* block, std::size_t bytes) {
    const auto first = (reinterpret_cast<std::uintptr_t>(block) + 7) / 8 * 8;
    const auto end = (reinterpret_cast<std::uintptr_t>(block) + bytes) / 8 * 8;
    bool shut = first < end;
    for (auto address = first; address < end; ++address) {
        shut = shut && __asan_address_is_poisoned(reinterpret_cast<const void*>(address)) != 0;
    }
    return shut;
}

/// Takes every block and frees every second one.
void check_blocks(millpond::concurrent_block_pool& pool, std::size_t bytes) {
    std::vector<char*> blocks{static_cast<char*>(pool.allocate())};
    CHECK(is_open(blocks[0], bytes));
    CHECK(is_shut(blocks[0] + bytes, bytes)); // never handed out
    while (void* const block = pool.try_allocate()) {
        blocks.push_back(static_cast<char*>(block));
    }
    for (const char* const block : blocks) {
        REQUIRE(is_open(block, bytes));
    }
    for (std::size_t i = 0; i < blocks.size(); i += 2) {
        pool.deallocate(blocks[i]);
    }
    for (std::size_t i = 0; i < blocks.size(); ++i) {
        REQUIRE((i % 2 == 0 ? is_shut(blocks[i], bytes) : is_open(blocks[i], bytes)));
    }
    for (std::size_t i = 1; i < blocks.size(); i += 2) {
        pool.deallocate(blocks[i]);
    }
}

} // namespace

TEST_CASE("a free block of a pool for several threads is poisoned but for what it shares with its "
          "neighbours") {
    for (const std::size_t bytes : {15U, 16U, 20U, 23U, 24U, 100U, 1001U}) {
        millpond::concurrent_block_pool pool({.block_bytes = bytes, .capacity = 100});
        check_blocks(pool, bytes);
    }
}

TEST_CASE("blocks of a pool for several threads that begin anywhere are poisoned as exactly") {
    std::vector<std::byte> buffer(1 << 17);
    for (const std::size_t start : {0U, 1U, 4U}) {
        for (const std::size_t bytes : {15U, 24U}) {
            millpond::concurrent_block_pool pool(
                {.block_bytes = bytes,
                 .block_alignment = 1,
                 .capacity = 100,
                 .memory = {.source = millpond::memory_source::buffer,
                            .buffer = std::span<std::byte>(buffer).subspan(start)}});
            check_blocks(pool, bytes);
        }
    }
    CHECK(is_open(buffer.data(), buffer.size()));
}

TEST_CASE(
    "an object whose size is no multiple of eight is poisoned when it is destroyed or returned") {
    millpond::concurrent_object_pool<twelve> pool({.capacity = 100});
    twelve* const object = pool.create(1, 2, 3);
    CHECK(is_open(object, sizeof *object));
    pool.destroy(object);
    CHECK(is_shut(object, sizeof *object));

    millpond::recycling_pool<twelve> recycled({.capacity = 100});
    const twelve* kept = nullptr;
    {
        const auto lease = recycled.acquire(1, 2, 3);
        kept = lease.get();
        CHECK(is_open(kept, sizeof *kept));
    }
    CHECK(is_shut(kept, sizeof *kept));
    const auto again = recycled.acquire(4, 5, 6);
    REQUIRE(again.get() == kept);
    CHECK(is_open(kept, sizeof *kept));
    CHECK(again->b == 2);
}

TEST_CASE("a block of a static pool that was never handed out is poisoned while the pool is used") {
    alignas(millpond::static_block_pool<24, 70>)
        std::array<std::byte, sizeof(millpond::static_block_pool<24, 70>)>
            place{};
    auto* const pool = ::new (place.data()) millpond::static_block_pool<24, 70>();
    auto* const block = static_cast<char*>(pool->allocate());
    CHECK(is_open(block, 24));
    CHECK(is_shut(block + 24, 69 * 24));
    pool->clear();
    CHECK(is_shut(block, 70 * 24));
    pool->deallocate(pool->allocate());
    CHECK(is_shut(block, 70 * 24));
    std::destroy_at(pool);
    CHECK(is_open(place.data(), place.size()));
}

TEST_CASE_TEMPLATE("what lies behind a request in its block is poisoned",
                   Resource,
                   millpond::pool_resource,
                   millpond::concurrent_pool_resource) {
    for (std::pmr::memory_resource* const upstream :
         {static_cast<std::pmr::memory_resource*>(nullptr), std::pmr::new_delete_resource()}) {
        Resource sizes({.name = "sizes"}, upstream);
        std::pmr::memory_resource& compiled = sizes;
        for (const std::size_t bytes : {0U, 1U, 7U, 8U, 100U, 104U, 1000U, 65'000U}) {
            const std::size_t block_bytes = sizes.block_bytes(bytes, 1);
            const auto check = [&](const char* block) {
                CHECK(is_open(block, bytes));
                for (std::size_t i = bytes; i < block_bytes; ++i) {
                    REQUIRE(__asan_address_is_poisoned(block + i) != 0);
                }
            };
            for (int round = 0; round < 2; ++round) { // the first one makes the class's pool
                auto* const block = static_cast<char*>(sizes.allocate(bytes, 1));
                check(block);
                sizes.deallocate(block, bytes, 1);
                CHECK(is_shut(block, block_bytes));
            }
            auto* const block = static_cast<char*>(compiled.allocate(bytes, 1));
            check(block);
            compiled.deallocate(block, bytes, 1);
            auto* const whole = static_cast<char*>(sizes.allocate(block_bytes, 1));
            CHECK(is_open(whole, block_bytes));
            sizes.deallocate(whole, block_bytes, 1);
        }
    }
}

TEST_CASE("what lies behind an allocator's objects in their block is poisoned") {
    millpond::pool_resource sizes;
    millpond::pool_allocator<char> characters(&sizes);
    char* const text = characters.allocate(100);
    CHECK(is_open(text, 100));
    CHECK(__asan_address_is_poisoned(text + 100) != 0);
    characters.deallocate(text, 100);
}
