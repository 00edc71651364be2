// SPDX-License-Identifier: MIT
/// \file
/// Where shared owners have their control blocks: `reserve_shared` of pool/object_pool.hpp, and
/// pool/shared_owner.hpp. Linked with --wrap, so that calls of operator new are counted.

#include "millpond/pool/object_pool.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "counted.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::memory_source;
using millpond::object_pool;
using millpond::test::counted;
using millpond::test::live_controls;

namespace {

/// Calls of operator new in this program.
std::size_t heap_calls = 0;

} // namespace

extern "C" {
// The names are the linker's: --wrap=_Znwm sends calls of operator new(unsigned long) here first.
// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming)
void* __real__Znwm(std::size_t bytes);

void* __wrap__Znwm(std::size_t bytes) {
    ++heap_calls;
    return __real__Znwm(bytes);
}

// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
}

TEST_CASE("neither the objects of shared owners nor their control blocks come from the heap") {
    object_pool<counted> pool({.capacity = 1000});
    std::array<std::shared_ptr<counted>, 1000> owners;
    std::array<std::weak_ptr<counted>, 1000> weak;
    const std::size_t before = heap_calls;
    for (std::size_t i = 0; i < owners.size(); ++i) {
        owners[i] = pool.make_shared(static_cast<int>(i));
        weak[i] = owners[i];
    }
    for (std::size_t i = 0; i < owners.size(); ++i) {
        owners[i].reset();
        weak[i].reset();
    }
    CHECK(heap_calls == before);
    const auto on_heap = std::make_shared<counted>(1);
    CHECK(on_heap->value == 1);
    CHECK(heap_calls == before + 1); // the count counts
    CHECK(pool.shared_stats().high_water == 1000);
}

TEST_CASE("a pool has no control blocks before the first shared owner, and then one per object") {
    object_pool<counted> pool({.capacity = 10, .max_capacity = 500});
    pool.destroy(pool.create(1));
    { const auto owned = pool.make_unique(2); }
    CHECK(pool.shared_stats().capacity == 0);
    CHECK(pool.shared_stats().bytes_committed == 0);
    const auto owner = pool.make_shared(3);
    CHECK(pool.shared_stats().capacity >= 10);
    CHECK(pool.shared_stats().max_capacity == 500);
    std::vector<std::shared_ptr<counted>> owners;
    for (int i = 1; i < 500; ++i) {
        owners.push_back(pool.make_shared(i));
    }
    CHECK(pool.size() == 500);
    CHECK(live_controls(pool) == 500);
    CHECK_SOUND(pool);
}

TEST_CASE("control blocks for all objects are ready once they were prepared") {
    object_pool<counted> pool({.capacity = 700, .prefault = true});
    pool.reserve_shared();
    CHECK(pool.shared_stats().capacity == 700);
    const std::size_t committed = pool.shared_stats().bytes_committed;
    CHECK(committed >= 700 * 64);
    pool.reserve_shared();
    pool.reserve_shared({.source = memory_source::heap});
    std::vector<std::shared_ptr<counted>> owners;
    for (int i = 0; i < 700; ++i) {
        owners.push_back(pool.make_shared(i));
    }
    CHECK(pool.shared_stats().bytes_committed == committed);
}

TEST_CASE("reserve makes room for control blocks too, and shrink gives theirs back") {
    object_pool<counted> pool({.name = "growing", .capacity = 10, .max_capacity = 100'000});
    std::shared_ptr<counted> kept = pool.make_shared(1);
    pool.reserve(50'000);
    CHECK(pool.shared_stats().capacity >= 50'000);
    std::vector<std::shared_ptr<counted>> owners;
    for (int i = 0; i < 50'000; ++i) {
        owners.push_back(pool.make_shared(i));
        if (i % 2 == 0) {
            owners.pop_back();
        }
    }
    owners.clear();
    const std::size_t returned = pool.shrink();
    CHECK(returned > 25'000 * 64); // more than the objects themselves had
    CHECK(kept->value == 1);
    kept = pool.make_shared(2);
    CHECK(live_controls(pool) == 1);
    CHECK_THROWS_AS(pool.reserve(100'001), millpond::pool_exhausted);
    CHECK_SOUND(pool);
}

TEST_CASE("control blocks stand on the memory of their pool's kind") {
    object_pool<counted> on_heap({.capacity = 100, .memory = {.source = memory_source::heap}});
    const auto heap_owner = on_heap.make_shared(1);
    CHECK(on_heap.shared_stats().capacity == 100);
    object_pool<counted> guarded(
        {.capacity = 100, .max_capacity = 1000, .prefault = true, .memory = {.guard_pages = true}});
    const auto guarded_owner = guarded.make_shared(1);
    CHECK(guarded.shared_stats().capacity == guarded.capacity());
    object_pool<counted> huge(
        {.capacity = 100, .memory = {.pages = millpond::page_size::transparent_huge}});
    const auto huge_owner = huge.make_shared(1);
    CHECK(huge.shared_stats().pages == huge.stats().pages);
    CHECK_SOUND(huge);
}

TEST_CASE("a pool in a buffer shares once it has a second buffer, or memory of another kind") {
    millpond::object_pool_options options{
        .name = "inside", .capacity = 100, .memory = {.source = memory_source::buffer}};
    std::vector<std::byte> objects(object_pool<counted>::buffer_bytes(options));
    options.memory.buffer = objects;
    const std::size_t bytes = object_pool<counted>::shared_buffer_bytes(options);
    const std::string text =
        "millpond: pool 'inside.shared': memory.buffer.size() is 0, must be at "
        "least " +
        std::to_string(bytes);
    for (std::size_t skew = 0; skew < 70; skew += 3) {
        std::vector<std::byte> memory(skew + bytes + 1);
        const auto controls = std::span(memory).subspan(skew, bytes);
        object_pool<counted> pool(options);
        CHECK_THROWS_WITH_AS((void)pool.make_shared(1), text.c_str(), std::invalid_argument);
        CHECK_THROWS_AS(pool.reserve_shared(), std::invalid_argument);
        CHECK(counted::alive == 0);
        CHECK(pool.size() == 0);
        CHECK_THROWS_AS(pool.reserve_shared(
                            {.source = memory_source::buffer, .buffer = controls.first(bytes - 1)}),
                        std::invalid_argument);
        pool.reserve_shared({.source = memory_source::buffer, .buffer = controls});
        std::vector<std::shared_ptr<counted>> owners;
        for (int i = 0; i < 100; ++i) {
            owners.push_back(pool.make_shared(i));
        }
        CHECK(live_controls(pool) == 100);
        CHECK_SOUND(pool);
    }
    object_pool<counted> pool(options);
    pool.reserve_shared({.source = memory_source::mapped});
    CHECK(pool.make_shared(1)->value == 1);
}
