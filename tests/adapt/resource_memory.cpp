// SPDX-License-Identifier: MIT
/// \file
/// Where a resource's memory lies: prefaulted pages, scarce address space, a small buffer, and resources
/// on top of each other.

#include "millpond/millpond.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <memory_resource>
#include <new>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "live_blocks.hpp"
#include "pool/child.hpp"
#include "pool/process_maps.hpp"
#include "shapes.hpp"
#include "sound.hpp"
#include "support/sanitized.hpp"
#include "support/skip.hpp"
#include "upstream.hpp"
#include <doctest/doctest.h>
#include <sys/resource.h>

using millpond::concurrent_pool_resource;
using millpond::pool_resource;
using millpond::test::checking_upstream;
using millpond::test::effort;
using millpond::test::live_blocks;
using millpond::test::resident_bytes;
using millpond::test::take_some_of_each;

namespace {

constexpr std::size_t page = 4096;

/// In a child: says what is wrong and ends it.
void require(bool holds, const std::string& what) {
    if (!holds) {
        (void)!write(STDERR_FILENO, what.data(), what.size());
        _exit(1);
    }
}

void* require_memory(std::size_t bytes) {
    void* const memory = std::malloc(bytes);
    require(memory != nullptr, "no memory is left");
    return memory;
}

/// Lets this process have twice the address space that it has now and a little more. Says how much.
std::size_t limit_address_space() {
    std::size_t pages = 0;
    std::ifstream("/proc/self/statm") >> pages;
    const rlim_t bytes = 2 * pages * page + (rlim_t{800} << 20);
    const rlimit limit{bytes, bytes};
    require(setrlimit(RLIMIT_AS, &limit) == 0, "no limit");
    return bytes;
}

/// Blocks of every class, contents and all, and of one class until others serve it: it has its share of
/// address space.
template <class Resource>
void use_in_little_space() noexcept {
    const std::size_t limit = limit_address_space();
    Resource resource;
    live_blocks<Resource> blocks(resource);
    for (std::size_t bytes = 1; bytes <= 65'536; bytes = resource.block_bytes(bytes, 1) + 1) {
        blocks.take(bytes, 1);
    }
    require(resource.stats().pools == 88, "a class has no pool");
    for (std::size_t i = 0; i < limit / 2 / page && resource.stats().unpooled_live == 0; ++i) {
        blocks.take(page, page);
    }
    require(resource.stats().unpooled_live > 0, "the class has more than its share");
    std::free(require_memory(std::size_t{200} << 20)); // others have not been left without any
    take_some_of_each(blocks, 2);
    blocks.check_contents();
    std::string fault = millpond::test::fault_of(resource, nullptr, blocks);
    require(fault.empty(), fault);
    blocks.give_all();
    resource.release();
    take_some_of_each(blocks, 1);
    blocks.give_all();
    fault = millpond::test::fault_of(resource, nullptr, blocks);
    require(fault.empty(), fault);
}

/// The same where the upstream's chunks need address space for what is known of them.
template <class Resource>
void use_chunks_in_little_space() noexcept {
    (void)limit_address_space();
    checking_upstream upstream;
    Resource resource({.max_blocks_per_chunk = 1}, &upstream);
    live_blocks<Resource> blocks(resource);
    for (std::size_t bytes = 1; bytes <= 65'536; bytes = resource.block_bytes(bytes, 1) + 1) {
        blocks.take(bytes, 1);
    }
    require(resource.stats().pools == 88, "a class has no pool");
    require(resource.stats().unpooled_live == 0, "a pool could not take a chunk");
    const std::string fault = millpond::test::fault_of(resource, &upstream, blocks);
    require(fault.empty(), fault);
    blocks.give_all();
}

/// What came of a number of resources.
struct taken {
    std::size_t bytes = 0; ///< resident
    std::size_t mappings = 0;
};

taken taken_now() {
    taken now;
    std::size_t all = 0;
    std::ifstream("/proc/self/statm") >> all >> now.bytes;
    now.bytes *= page;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        ++now.mappings;
    }
    return now;
}

/// Each serves a block of every class, up to 10 KiB, whose first byte is written.
template <class Resource>
taken what_many_take(std::size_t count) {
    const taken before = taken_now();
    std::vector<std::unique_ptr<Resource>> all;
    const pool_resource classes;
    for (std::size_t i = 0; i < count; ++i) {
        all.push_back(std::make_unique<Resource>());
        for (std::size_t bytes = 1; bytes <= 10'240; bytes = classes.block_bytes(bytes, 1) + 1) {
            *static_cast<char*>(all.back()->allocate(bytes, 1)) = 1;
        }
    }
    const taken now = taken_now();
    return {now.bytes - before.bytes, now.mappings - before.mappings};
}

template <class Body>
void check_child(Body body) {
    if (millpond::test::sanitized) {
        millpond::test::skip("a sanitizer needs address space of its own");
        return;
    }
    const auto result = millpond::test::run_in_child(body);
    CHECK(result.error_output == "");
    CHECK(result.signal == 0);
    CHECK(result.code == 0);
}

} // namespace

TEST_CASE(
    "the pages of reserved blocks are there when they are prefaulted, and not before use else") {
    for (const bool prefault : {true, false}) {
        CAPTURE(prefault);
        pool_resource resource({.prefault = prefault});
        resource.reserve(500, page, page);
        auto* const lowest = static_cast<std::byte*>(resource.allocate(page, page));
        CHECK(resident_bytes(lowest, 500 * page) == (prefault ? 500 * page : 0));
        resource.deallocate(lowest, page, page);
    }
}

TEST_CASE_TEMPLATE("the pages of every growth step are there when it is prefaulted",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource resource({.prefault = true});
    bool resident = true;
    std::array<void*, 300> blocks{};
    for (void*& block : blocks) {
        block = resource.allocate(page, page);
        resident = resident && resident_bytes(block, page) == page;
    }
    CHECK(resident);
    for (void* const block : blocks) {
        resource.deallocate(block, page, page);
    }
}

TEST_CASE("many resources with every class in use take few mappings and little more than the "
          "standard's") {
    if (millpond::test::sanitized) {
        millpond::test::skip("a sanitizer's own memory is resident, too");
        return;
    }
    const auto result = millpond::test::run_in_child([]() noexcept {
        constexpr std::size_t resources = 200;
        const auto standard =
            what_many_take<std::pmr::unsynchronized_pool_resource>(resources).bytes;
        const taken ours = what_many_take<pool_resource>(resources);
        require(ours.mappings <= 3 * resources, "there are too many mappings");
        require(ours.bytes <= 2 * standard,
                std::to_string(ours.bytes) + " bytes, not twice " + std::to_string(standard));
        std::thread([] { std::free(require_memory(std::size_t{200} << 20)); }).join();
    });
    CHECK(result.error_output == "");
    CHECK(result.code == 0);
}

TEST_CASE_TEMPLATE("where address space is scarce every class has blocks and others have memory",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    check_child(use_in_little_space<Resource>);
}

TEST_CASE_TEMPLATE("where address space is scarce every class takes chunks from an upstream",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    check_child(use_chunks_in_little_space<Resource>);
}

TEST_CASE_TEMPLATE("a small buffer is served out block by block until it is used up",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    alignas(64) std::array<std::byte, 20'000> buffer{};
    for (const std::size_t bytes : {8U, 64U, 500U, 3000U}) {
        for (const std::size_t most_at_once : {0U, 1U, 4U}) {
            CAPTURE(bytes);
            CAPTURE(most_at_once);
            std::pmr::monotonic_buffer_resource upstream(
                buffer.data(), buffer.size(), std::pmr::null_memory_resource());
            Resource resource({.max_blocks_per_chunk = most_at_once}, &upstream);
            live_blocks<Resource> blocks(resource);
            for (int round = 0; round < 2; ++round) {
                CHECK_THROWS_AS(
                    [&] {
                        while (true) {
                            blocks.take(bytes, 8);
                        }
                    }(),
                    std::bad_alloc);
                // What no chunk is left for comes one by one, with a record that is as large as a small block.
                CHECK(blocks.size() * (bytes + 80) > buffer.size() / 2);
                blocks.check_contents();
                CHECK(blocks.fault() == "");
                for (const auto& [place, one] : blocks.all()) {
                    REQUIRE(place >= buffer.data());
                    REQUIRE(place + bytes <= buffer.data() + buffer.size());
                }
                CHECK(resource.verify());
                if (round == 0 && resource.stats().unpooled_live == 0) {
                    blocks.give_all();
                } else {
                    break; // a monotonic buffer does not take back what came one by one
                }
            }
            blocks.forget();
        }
    }
}

TEST_CASE("an upstream without any memory makes every allocation fail and nothing else") {
    pool_resource one(std::pmr::null_memory_resource());
    concurrent_pool_resource other(std::pmr::null_memory_resource());
    for (const std::size_t bytes : {8U, 5000U, 100'000U}) {
        CHECK_THROWS_AS((void)one.allocate(bytes), std::bad_alloc);
        CHECK_THROWS_AS((void)other.allocate(bytes), std::bad_alloc);
    }
    CHECK_SOUND(one, nullptr);
    CHECK_SOUND(other, nullptr);
}

namespace {

/// Allocates and frees at random in the upper one of two resources; everything must add up in both.
template <class Upper, class Lower>
void use_two_floors(Upper& upper, Lower& lower) {
    live_blocks<Upper> blocks(upper);
    std::mt19937 random(11);
    for (int step = 0; step < effort(6000, 3000, 500); ++step) {
        if (step / 1000 % 2 == 0 ? random() % 4 != 0 : random() % 4 == 0) {
            blocks.take(random() % (std::size_t{1} << random() % 17),
                        std::size_t{1} << random() % 7);
        } else if (blocks.size() != 0) {
            blocks.give(random() % blocks.size());
        }
        if (step % 500 == 499) {
            (void)upper.shrink();
            (void)lower.shrink();
            REQUIRE(upper.verify());
            REQUIRE_SOUND(lower, nullptr);
            REQUIRE(blocks.fault() == "");
            CHECK(lower.stats().bytes_live >= upper.stats().bytes_committed);
        }
    }
    blocks.check_contents();
    CHECK(blocks.fault() == "");
    upper.release();
    CHECK(lower.stats().bytes_live == 0);
    CHECK_SOUND(lower, nullptr);
}

} // namespace

TEST_CASE("a resource for one thread stands on one for several") {
    concurrent_pool_resource lower({.limit_bytes = std::size_t{64} << 20});
    pool_resource upper({.max_blocks_per_chunk = 8}, &lower);
    use_two_floors(upper, lower);
}

TEST_CASE("a resource for several threads stands on one for one") {
    pool_resource lower({.limit_bytes = std::size_t{64} << 20});
    concurrent_pool_resource upper({.max_blocks_per_chunk = 8}, &lower);
    use_two_floors(upper, lower);
}

TEST_CASE("three resources stand on each other and all memory goes back to the lowest") {
    checking_upstream ground;
    {
        pool_resource first({.name = "first"}, &ground);
        concurrent_pool_resource second({.name = "second"}, &first);
        pool_resource third({.name = "third"}, &second);
        live_blocks<pool_resource> blocks(third);
        take_some_of_each(blocks, 20);
        blocks.give_all();
        (void)third.shrink();
        (void)second.shrink();
        (void)first.shrink();
        CHECK(third.stats().bytes_committed == 0);
        CHECK(blocks.fault() == "");
        CHECK_SOUND(first, &ground);
        take_some_of_each(blocks, 1);
    }
    CHECK(ground.bytes() == 0);
    CHECK(ground.fault() == "");
}
