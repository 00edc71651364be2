// SPDX-License-Identifier: MIT
/// \file
/// Whether an address is a live block or object, and how many there can be: `is_live` and `max_capacity` of every
/// pool.

#include "millpond/millpond.hpp"

#include <array>
#include <cstddef>
#include <memory>
#include <random>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using millpond::block_pool;
using millpond::concurrent_block_pool;
using millpond::concurrent_object_pool;
using millpond::handle_pool;
using millpond::object_pool;
using millpond::recycling_pool;
using millpond::static_block_pool;
using millpond::static_object_pool;

namespace {

constexpr std::size_t block_bytes = 24;
constexpr std::size_t blocks = 70;

struct body {
    std::array<std::byte, block_bytes> bytes{};
};

/// True when exactly the addresses of `live` are, of all around the pool's blocks, and none elsewhere.
template <class Pool>
bool tells_exactly(const Pool& pool, const std::set<std::byte*>& live, std::byte* first) {
    bool right = !pool.is_live(nullptr) && !pool.is_live(&pool) && !pool.is_live(&live);
    for (std::size_t at = 0; at <= blocks * block_bytes; ++at) {
        std::byte* const address = first + at;
        right = right && pool.is_live(address) == live.contains(address);
    }
    return right && !pool.is_live(first - 1) && !pool.is_live(first - block_bytes);
}

/// Allocates and frees at random, and asks after every step.
template <class Pool>
bool tells_exactly_after_every_step(Pool& pool) {
    auto* const first = static_cast<std::byte*>(pool.try_allocate());
    std::set<std::byte*> live = {first};
    std::mt19937 random(7);
    bool right = tells_exactly(pool, live, first);
    for (int step = 0; step < 400; ++step) {
        if (random() % 2 == 0) {
            if (void* const block = pool.try_allocate()) {
                live.insert(static_cast<std::byte*>(block));
            }
        } else if (!live.empty()) {
            const auto victim = std::next(live.begin(), static_cast<long>(random() % live.size()));
            pool.deallocate(*victim);
            live.erase(victim);
        }
        right = right && tells_exactly(pool, live, first);
    }
    if constexpr (requires { pool.clear(); }) {
        pool.clear();
        right = right && tells_exactly(pool, {}, first);
    } else {
        for (std::byte* const block : live) {
            pool.deallocate(block);
        }
    }
    return right;
}

/// Asks about itself while it is made and destroyed.
struct curious {
    explicit curious(object_pool<curious>* home)
        : pool(home)
        , was_live(home->is_live(this)) {}

    curious(const curious&) = delete;
    curious& operator=(const curious&) = delete;

    ~curious() { live_at_the_end = live_at_the_end || pool->is_live(this); }

    object_pool<curious>* pool;
    bool was_live;
    static inline bool live_at_the_end = false;
};

} // namespace

TEST_CASE("a raw pool tells exactly the starts of live blocks from all other addresses") {
    block_pool pool({.block_bytes = block_bytes, .capacity = blocks});
    CHECK(tells_exactly_after_every_step(pool));
    block_pool growing({.block_bytes = block_bytes, .capacity = 1, .max_capacity = blocks});
    CHECK(tells_exactly_after_every_step(growing));
    static static_block_pool<block_bytes, blocks> own;
    CHECK(tells_exactly_after_every_step(own));
    concurrent_block_pool shared({.block_bytes = block_bytes, .capacity = blocks, .threads = 2});
    CHECK(tells_exactly_after_every_step(shared));
}

TEST_CASE("an object is live from before its constructor until its destructor begins") {
    object_pool<curious> pool({.capacity = 10});
    curious* const first = pool.create(&pool);
    CHECK(first->was_live);
    CHECK(pool.is_live(first));
    CHECK_FALSE(pool.is_live(&first->was_live));
    pool.destroy(first);
    CHECK_FALSE(pool.is_live(first));
    curious* const second = pool.create(&pool);
    CHECK(pool.is_live(second));
    pool.clear();
    CHECK_FALSE(pool.is_live(second));
    CHECK_FALSE(curious::live_at_the_end);
}

TEST_CASE("a pool that was moved from has no live object and its successor has them all") {
    object_pool<int> first({.capacity = 10});
    const int* const object = first.create(1);
    const object_pool<int> second(std::move(first));
    CHECK(second.is_live(object));
    // NOLINTNEXTLINE(bugprone-use-after-move): what a pool says after a move is the subject
    CHECK_FALSE(first.is_live(object));
}

TEST_CASE("an object that another thread has destroyed is not live") {
    concurrent_object_pool<int> pool({.capacity = 100, .threads = 2});
    int* const gone = pool.create(1);
    const int* const kept = pool.create(2);
    std::thread([&] { pool.destroy(gone); }).join();
    CHECK_FALSE(pool.is_live(gone));
    CHECK(pool.is_live(kept));
    CHECK_FALSE(pool.is_live(nullptr));
}

TEST_CASE("an object of a recycling pool is live while it is on lease") {
    recycling_pool<body> pool({.capacity = 10});
    auto lent = pool.acquire();
    const body* const object = lent.get();
    CHECK(pool.is_live(object));
    CHECK_FALSE(pool.is_live(&object->bytes[1]));
    lent.release();
    CHECK_FALSE(pool.is_live(object));
}

TEST_CASE("a pool of handles tells exactly the objects that a handle finds") {
    handle_pool<body> pool({.capacity = 20});
    std::vector<millpond::handle<body>> handles;
    for (int i = 0; i < 20; ++i) {
        handles.push_back(pool.create());
    }
    const auto* const first = reinterpret_cast<const std::byte*>(pool.objects().data());
    pool.destroy(handles[3]);
    pool.destroy(handles[0]);
    bool right = !pool.is_live(nullptr) && !pool.is_live(first - sizeof(body));
    for (std::size_t at = 0; at <= 20 * sizeof(body); ++at) {
        right =
            right && pool.is_live(first + at) == (at % sizeof(body) == 0 && at < 18 * sizeof(body));
    }
    CHECK(right);
}

TEST_CASE("max_capacity is what the options allow and capacity may grow to") {
    block_pool fixed({.block_bytes = 8, .capacity = 5});
    CHECK(fixed.max_capacity() == 5);
    object_pool<int> growing({.capacity = 5, .max_capacity = 3'000'000});
    CHECK(growing.max_capacity() == 3'000'000);
    CHECK(growing.max_capacity() == growing.stats().max_capacity);
    growing.reserve(3'000'000);
    CHECK(growing.capacity() == growing.max_capacity());
    const object_pool<int> taken(std::move(growing));
    CHECK(taken.max_capacity() == 3'000'000);
    // NOLINTNEXTLINE(bugprone-use-after-move): what a pool says after a move is the subject
    CHECK(growing.max_capacity() == 0);
    const handle_pool<int> handles({.capacity = 5, .max_capacity = 500});
    CHECK(handles.max_capacity() == 500);
    static static_object_pool<int, 7> own;
    CHECK(own.max_capacity() == 7);
    static_assert(static_block_pool<8, 7>::max_capacity() == 7);
}

TEST_CASE("a concurrent pool hands out as many blocks as max_capacity says and never more") {
    concurrent_object_pool<int> objects({.capacity = 1000, .threads = 8});
    recycling_pool<int> lent({.capacity = 1000, .threads = 8});
    concurrent_block_pool raw(
        {.block_bytes = 8, .capacity = 1000, .threads = 8, .leaks = millpond::leak_policy::ignore});
    std::vector<recycling_pool<int>::lease> leases;
    std::size_t made = 0;
    std::size_t allocated = 0;
    while (objects.try_create(1) != nullptr) {
        ++made;
    }
    while (raw.try_allocate() != nullptr) {
        ++allocated;
    }
    while (auto lease = lent.try_acquire()) {
        leases.push_back(std::move(lease));
    }
    CHECK(made == objects.max_capacity());
    CHECK(allocated == raw.max_capacity());
    CHECK(leases.size() == lent.max_capacity());
    CHECK(objects.max_capacity() >= objects.capacity());
}
