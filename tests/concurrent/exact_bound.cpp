// SPDX-License-Identifier: MIT
/// \file
/// A pool whose bound is exact: `capacity` blocks can be live at once, and never one more.

#include "millpond/millpond.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "crew.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::capacity_bound;
using millpond::concurrent_block_pool;
using millpond::concurrent_object_pool;
using millpond::recycling_pool;
using millpond::test::count_available;
using millpond::test::drain;
using millpond::test::effort;
using millpond::test::free_all;
using millpond::test::run_together;

namespace {

/// From one block to several levels of words.
constexpr std::array<std::size_t, 8> capacities{1, 2, 6, 63, 64, 65, 1'000, 5'000};

millpond::concurrent_block_pool_options exactly(std::size_t capacity, std::size_t threads = 4) {
    return {.block_bytes = 64,
            .capacity = capacity,
            .threads = threads,
            .bound = capacity_bound::exact};
}

/// Something of a pool that is held for a while, whichever kind of pool it is.
class block_holder {
public:
    explicit block_holder(std::size_t capacity)
        : pool_(exactly(capacity)) {}

    using held = void*;

    [[nodiscard]] held take(std::uint64_t way) {
        if (way % 4 == 0) {
            return pool_.try_allocate_direct();
        }
        return way % 4 == 1 ? pool_.local().try_allocate() : pool_.try_allocate();
    }

    void give(held& block, std::uint64_t way) {
        void* const one = std::exchange(block, nullptr);
        switch (way % 4) {
        case 0:
            pool_.deallocate_direct(one);
            break;
        case 1:
            pool_.local().deallocate(one);
            break;
        case 2:
            pool_.deallocate_bulk({&one, 1});
            break;
        default:
            pool_.deallocate(one);
        }
    }

    [[nodiscard]] concurrent_block_pool& pool() { return pool_; }

private:
    concurrent_block_pool pool_;
};

class object_holder {
public:
    explicit object_holder(std::size_t capacity)
        : pool_({.capacity = capacity, .threads = 4, .bound = capacity_bound::exact}) {}

    using held = long*;

    [[nodiscard]] held take(std::uint64_t way) {
        return way % 2 == 0 ? pool_.try_create(7) : pool_.local().try_create(7);
    }

    void give(held& object, std::uint64_t way) {
        long* const one = std::exchange(object, nullptr);
        way % 2 == 0 ? pool_.destroy(one) : pool_.local().destroy(one);
    }

    [[nodiscard]] concurrent_object_pool<long>& pool() { return pool_; }

private:
    concurrent_object_pool<long> pool_;
};

class lease_holder {
public:
    explicit lease_holder(std::size_t capacity)
        : pool_({.capacity = capacity, .threads = 4, .bound = capacity_bound::exact}) {}

    using held = recycling_pool<long>::lease;

    [[nodiscard]] held take(std::uint64_t /*way*/) { return pool_.try_acquire(7); }

    void give(held& lease, std::uint64_t /*way*/) { lease.release(); }

    [[nodiscard]] recycling_pool<long>& pool() { return pool_; }

private:
    recycling_pool<long> pool_;
};

/// What threads saw of how many they held together.
struct tally {
    std::size_t most = 0;    ///< that were surely held at one instant
    std::size_t refused = 0; ///< requests
    std::size_t served = 0;
};

/// Lets threads take and give at random. None holds more than `each`.
template <class Holder>
tally churn(Holder& holder, std::size_t threads, std::size_t each) {
    std::atomic<std::size_t> held = 0; // counted after it is taken, until before it is given
    std::atomic<std::size_t> most = 0;
    std::atomic<std::size_t> refused = 0;
    std::atomic<std::size_t> served = 0;
    run_together(threads, [&](std::size_t self) {
        std::mt19937_64 random(self);
        std::vector<typename Holder::held> mine;
        const auto give_last = [&] {
            --held;
            holder.give(mine.back(), random());
            mine.pop_back();
        };
        for (std::size_t step = 0; step < effort<std::size_t>(60'000, 12'000, 500); ++step) {
            if (mine.size() < each && random() % 2 == 0) {
                auto one = holder.take(random());
                if (!one) {
                    ++refused;
                    continue;
                }
                const std::size_t now = ++held;
                for (std::size_t seen = most; seen < now;) {
                    most.compare_exchange_weak(seen, now);
                }
                ++served;
                mine.push_back(std::move(one));
            } else if (!mine.empty()) {
                give_last();
            }
        }
        while (!mine.empty()) {
            give_last();
        }
    });
    return {most, refused, served};
}

template <class Holder>
void check_bound_under_pressure() {
    for (const std::size_t capacity : {1U, 3U, 40U, 64U, 200U}) {
        CAPTURE(capacity);
        Holder holder(capacity);
        std::vector<typename Holder::held> kept; // most of it, so that one thread alone is refused
        while (kept.size() < capacity - (capacity + 9) / 10) {
            kept.push_back(holder.take(kept.size()));
            REQUIRE(kept.back());
        }
        const tally seen = churn(holder, 4, capacity + 1);
        CHECK(seen.most + kept.size() <= capacity);
        CHECK(seen.refused > 0);
        CHECK(seen.served > 0);
        for (auto& one : kept) {
            holder.give(one, capacity);
        }
        CHECK(holder.pool().size_estimate() == 0);
        CHECK(holder.pool().stats().blocks == capacity);
        CHECK_SOUND(holder.pool());
    }
}

template <class Holder>
void check_all_is_reachable() {
    for (const std::size_t each : {1U, 2U, 16U, 50U}) {
        CAPTURE(each);
        Holder holder(4 * each);
        const tally seen = churn(holder, 4, each); // wants what there is
        CHECK(seen.refused == 0);
        CHECK(seen.served > 0);
        CHECK_SOUND(holder.pool());
    }
}

} // namespace

TEST_CASE("an exactly bounded pool hands out capacity blocks and not one more") {
    for (const std::size_t capacity : capacities) {
        CAPTURE(capacity);
        concurrent_block_pool pool(exactly(capacity));
        CHECK(count_available(pool) == capacity);
        CHECK(count_available(pool) == capacity); // what this thread freed is where it was
        CHECK(pool.capacity() == capacity);
        CHECK(pool.stats().blocks == capacity);
        CHECK(pool.stats().threads == 0);
        CHECK_FALSE(pool.local().keeps_blocks());
        CHECK_SOUND(pool);
    }
}

TEST_CASE("an exactly bounded pool of objects holds capacity objects and not one more") {
    concurrent_object_pool<long> pool({.capacity = 1'000, .bound = capacity_bound::exact});
    std::vector<concurrent_object_pool<long>::unique> mine;
    for (int i = 0; i < 1'000; ++i) {
        mine.push_back(pool.make_unique(i));
    }
    CHECK(pool.try_create(0) == nullptr);
    CHECK(pool.local().try_create(0) == nullptr);
    CHECK(pool.try_create_for(std::chrono::milliseconds(1), 0) == nullptr);
    CHECK_THROWS_AS((void)pool.create(0), millpond::pool_exhausted);
    mine.pop_back();
    CHECK(pool.make_unique(0) != nullptr);
    CHECK_SOUND(pool);
}

TEST_CASE("an exactly bounded recycling pool lends capacity objects, and builds no more") {
    static std::atomic<int> built = 0;

    struct counted {
        counted() { ++built; }
    };

    recycling_pool<counted> pool({.capacity = 500, .threads = 4, .bound = capacity_bound::exact});
    for (int round = 0; round < 3; ++round) {
        std::vector<recycling_pool<counted>::lease> lent;
        for (int i = 0; i < 500; ++i) {
            lent.push_back(pool.acquire());
        }
        CHECK_FALSE(pool.try_acquire());
        CHECK_THROWS_AS((void)pool.acquire(), millpond::pool_exhausted);
        lent.pop_back();
        CHECK(pool.try_acquire());
    }
    CHECK(built == 500);
    CHECK_SOUND(pool);
}

TEST_CASE("no instant sees more blocks held than an exact bound, whichever way they are taken") {
    check_bound_under_pressure<block_holder>();
}

TEST_CASE("no instant sees more objects held than an exact bound") {
    check_bound_under_pressure<object_holder>();
}

TEST_CASE("no instant sees more leases than an exact bound") {
    check_bound_under_pressure<lease_holder>();
}

TEST_CASE("threads that together hold no more than an exact bound are never refused a block") {
    check_all_is_reachable<block_holder>();
}

TEST_CASE("threads that together hold no more than an exact bound are never refused an object") {
    check_all_is_reachable<object_holder>();
}

TEST_CASE("threads that together hold no more than an exact bound are never refused a lease") {
    check_all_is_reachable<lease_holder>();
}

TEST_CASE("an exact capacity is all there while other threads sleep after they freed") {
    for (const std::size_t capacity : capacities) {
        CAPTURE(capacity);
        concurrent_block_pool pool(exactly(capacity));
        std::barrier<> freed(4);
        std::barrier<> go_home(4);
        std::vector<std::thread> sleepers;
        for (std::size_t i = 0; i < 3; ++i) {
            sleepers.emplace_back([&, i] {
                std::vector<void*> mine(1 + capacity / (i + 1));
                mine.resize(pool.try_allocate_bulk(mine));
                i == 0 ? pool.deallocate_bulk(mine) : free_all(pool, mine);
                freed.arrive_and_wait();
                go_home.arrive_and_wait();
            });
        }
        freed.arrive_and_wait();
        CHECK(count_available(pool) == capacity);
        CHECK(pool.reserve_tokens(capacity).remaining() == capacity);
        std::vector<void*> all(capacity);
        pool.allocate_bulk(all);
        CHECK(pool.try_allocate() == nullptr);
        pool.deallocate_bulk(all);
        go_home.arrive_and_wait();
        for (std::thread& one : sleepers) {
            one.join();
        }
        CHECK_SOUND(pool);
    }
}

TEST_CASE("a block that is freed into an exactly bounded full pool goes to the thread that waits") {
    concurrent_block_pool pool(exactly(100));
    std::vector<void*> all = drain(pool);
    std::atomic<void*> got = nullptr;
    std::thread waiter([&] { got = pool.try_allocate_for(std::chrono::seconds(60)); });
    while (pool.stats().failures < 2) { // the drain's, and the waiter's
        std::this_thread::yield();
    }
    pool.deallocate(all.back());
    waiter.join();
    CHECK(got == all.back());
    CHECK(pool.try_allocate() == nullptr);
    free_all(pool, all);
    CHECK_SOUND(pool);
}

TEST_CASE("what is set aside counts towards an exact bound") {
    concurrent_block_pool pool(exactly(300));
    auto aside = pool.reserve_tokens(120);
    std::vector<void*> rest = drain(pool);
    CHECK(rest.size() == 180);
    rest.push_back(aside.allocate());
    CHECK(pool.try_allocate() == nullptr);
    aside.release();
    CHECK(count_available(pool) == 119);
    free_all(pool, rest);
    CHECK_SOUND(pool);
}

TEST_CASE(
    "shared owners live in an exactly bounded pool, and in a buffer of the size it asks for") {
    const millpond::concurrent_object_pool_options options{.capacity = 200,
                                                           .bound = capacity_bound::exact};
    using pool_type = concurrent_object_pool<long>;
    std::vector<std::byte> objects(pool_type::buffer_bytes(options));
    std::vector<std::byte> controls(pool_type::shared_buffer_bytes(options));
    auto in_buffer = options;
    in_buffer.memory = {.source = millpond::memory_source::buffer, .buffer = objects};
    pool_type pool(in_buffer);
    pool.reserve_shared({.source = millpond::memory_source::buffer, .buffer = controls});
    std::vector<std::shared_ptr<long>> owners;
    for (long i = 0; i < 200; ++i) {
        owners.push_back(pool.make_shared(i));
    }
    CHECK_THROWS_AS((void)pool.make_shared(0), millpond::pool_exhausted);
    CHECK(pool.shared_stats().blocks == 200);
    owners.clear();
    CHECK_SOUND(pool);
}

TEST_CASE("without the option a pool hands out more than capacity when no thread keeps any") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 1'000, .threads = 4});
    CHECK(pool.stats().threads == 4);
    CHECK(count_available(pool) == pool.stats().blocks);
    CHECK(pool.stats().blocks > 1'000);
}
