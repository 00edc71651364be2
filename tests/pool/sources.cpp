// SPDX-License-Identifier: MIT
/// \file
/// Pools on every source of memory, and what they say of it: memory/memory_options.hpp.

#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/object_pool.hpp"

#include <csignal>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "child.hpp"
#include "process_maps.hpp"
#include "sound.hpp"
#include "support/faults.hpp"
#include "support/sanitized.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>
#include <malloc.h>

using millpond::block_pool;
using millpond::memory_source;
using millpond::page_size;
using millpond::test::fewest_faults;
using millpond::test::mapping_of;

namespace {

const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));

/// True for blocks in pages of the pool's own: those of the heap cannot be given back.
bool is_in_pages(const millpond::block_pool_options& options) {
    block_pool pool(options);
    void* const block = pool.allocate();
    std::memset(block, 1, options.block_bytes);
    pool.deallocate(block);
    CHECK_SOUND(pool);
    return pool.shrink() != 0;
}

/// As many as asked for, each with all its blocks in use.
void use_small_pools(std::size_t count) {
    constexpr std::size_t blocks = 16;
    std::vector<std::unique_ptr<block_pool>> pools;
    for (std::size_t i = 0; i < count; ++i) {
        pools.push_back(std::make_unique<block_pool>(millpond::block_pool_options{
            .block_bytes = 64, .capacity = blocks, .leaks = millpond::leak_policy::ignore}));
        for (std::size_t block = 0; block < blocks; ++block) {
            *static_cast<std::size_t*>(pools.back()->allocate()) = i;
        }
        CHECK(pools.back()->try_allocate() == nullptr);
    }
    CHECK(millpond::test::mappings().size() < 1000);
    std::thread([] {
        void* const much = std::malloc(std::size_t{200} << 20);
        CHECK(much != nullptr);
        std::free(much);
    }).join();
}

} // namespace

TEST_CASE("pools on pages and heap and a buffer serve and free all their blocks") {
    for (const auto source : {memory_source::mapped, memory_source::heap, memory_source::buffer}) {
        millpond::block_pool_options options{
            .block_bytes = 100, .capacity = 1234, .memory = {.source = source}};
        std::vector<std::byte> buffer(block_pool::buffer_bytes(options));
        options.memory.buffer = buffer;
        block_pool pool(options);
        std::vector<void*> blocks(1234);
        pool.allocate_bulk(blocks);
        for (void* const block : blocks) {
            std::memset(block, 0xff, 100);
        }
        CHECK(pool.try_allocate() == nullptr);
        CHECK_SOUND(pool);
        for (void* const block : blocks) {
            pool.deallocate(block);
        }
        CHECK_SOUND(pool);
        CHECK(pool.available() == 1234);
    }
}

TEST_CASE("a small pool that never grows has no pages of its own unless it asks for some") {
    const std::size_t block = page / 8;
    const auto with = [block](millpond::memory_options memory) {
        return millpond::block_pool_options{.block_bytes = block, .capacity = 24, .memory = memory};
    };
    CHECK_FALSE(is_in_pages(with({})));
    CHECK(is_in_pages(with({.source = memory_source::mapped})));
    CHECK(is_in_pages(with({.pages = page_size::transparent_huge})));
    CHECK(is_in_pages(with({.guard_pages = true})));
    CHECK(is_in_pages({.block_bytes = block, .capacity = 23, .max_capacity = 24}));
    CHECK(is_in_pages({.block_bytes = block, .capacity = 32})); // 16 KiB without its metadata
}

TEST_CASE("a hundred thousand small pools leave room for mappings and threads and the heap") {
    use_small_pools(millpond::test::effort(100'000, 1000, 100));
}

TEST_CASE("a pool in a buffer can be used after another pool has died in it") {
    std::vector<std::byte> buffer;
    for (int round = 0; round < 3; ++round) {
        millpond::block_pool_options options{.block_bytes = 32,
                                             .capacity = 100,
                                             .memory = {.source = memory_source::buffer},
                                             .leaks = millpond::leak_policy::ignore};
        buffer.resize(block_pool::buffer_bytes(options));
        options.memory.buffer = buffer;
        {
            block_pool pool(options);
            std::vector<void*> blocks(70);
            pool.allocate_bulk(blocks);
            pool.deallocate(blocks[3]);
            CHECK_SOUND(pool);
        }
        std::memset(buffer.data(), 0xee, buffer.size()); // all of it is the owner's again
    }
}

TEST_CASE("a write past the last block of a guarded pool is stopped by SIGSEGV") {
    const auto result = millpond::test::run_in_child([] {
        block_pool pool({.block_bytes = page, .capacity = 2, .memory = {.guard_pages = true}});
        (void)pool.allocate();
        auto* const last = static_cast<volatile char*>(pool.allocate());
        last[page - 1] = 1;
        last[page] = 1;
    });
    CHECK(result.signal == SIGSEGV);
}

TEST_CASE("a pool's blocks and its growth show its name in the process's maps") {
    block_pool pool({.name = "lake", .block_bytes = page, .capacity = 1, .max_capacity = 5000});
    auto* const first = static_cast<char*>(pool.allocate());
    pool.reserve(2000);
    const std::string name = mapping_of(first).name;
    if (name.empty()) {
        millpond::test::skip("this kernel does not name anonymous memory");
        pool.clear();
        return;
    }
    CHECK(name == "[anon:millpond:lake]");
    CHECK(mapping_of(first + 1999 * page).name == "[anon:millpond:lake]");
    pool.clear();
}

TEST_CASE("a prefaulted pool of every source faults no page in its first use") {
    if (millpond::test::sanitized) {
        millpond::test::skip("a sanitizer faults in its own pages");
        return;
    }
    mallopt(M_MMAP_THRESHOLD, 64 * 1024); // large heap blocks are fresh pages, never recycled ones
    for (const auto source : {memory_source::mapped, memory_source::heap, memory_source::buffer}) {
        CAPTURE(int(source));
        millpond::block_pool_options options{.block_bytes = 16,
                                             .block_alignment = 16,
                                             .capacity = 600'000,
                                             .prefault = true,
                                             .memory = {.source = source}};
        std::vector<std::byte> buffer(block_pool::buffer_bytes(options));
        std::vector<void*> blocks(600'000);
        options.memory.buffer = buffer;
        const auto use = [&](block_pool& pool) {
            pool.allocate_bulk(blocks);
            for (void* const block : blocks) {
                std::memset(block, 1, 16);
            }
            for (void* const block : blocks) {
                pool.deallocate(block);
            }
        };
        CHECK(fewest_faults([&] { return std::make_unique<block_pool>(options); }, use) == 0);
    }
}

TEST_CASE("a pool that is locked stays resident and does not shrink") {
    if (!millpond::test::locks_memory) {
        millpond::test::skip("sanitizers leave out mlock");
        return;
    }
    try {
        block_pool pool({.block_bytes = page, .capacity = 16, .memory = {.lock = true}});
        auto* const first = static_cast<char*>(pool.allocate());
        CHECK(millpond::test::resident_bytes(first, 16 * page) == 16 * page);
        pool.deallocate(first);
        CHECK(pool.shrink() == 0);
        CHECK(millpond::test::resident_bytes(first, 16 * page) == 16 * page);
    } catch (const std::system_error& error) {
        CHECK(std::string(error.what()).find("commit and lock") != std::string::npos);
        millpond::test::skip("this process may not lock memory");
    }
}

TEST_CASE("a pool says which pages it stands on and why they are not those asked for") {
    for (const page_size wanted : {page_size::standard,
                                   page_size::transparent_huge,
                                   page_size::huge_2mib,
                                   page_size::huge_1gib}) {
        block_pool pool({.block_bytes = 64, .capacity = 10, .memory = {.pages = wanted}});
        const millpond::pool_stats now = pool.stats();
        CHECK((now.pages == wanted) == (now.page_size_error == 0));
        void* const block = pool.allocate();
        std::memset(block, 1, 64);
        pool.deallocate(block);
        CHECK_SOUND(pool);
    }
}

TEST_CASE("the metadata of 64-byte blocks is below 3.2 percent") {
    const block_pool pool({.block_bytes = 64, .capacity = 1'000'000});
    CHECK(pool.stats().bytes_metadata < 64 * 1'000'000 * 32 / 1000);
}
