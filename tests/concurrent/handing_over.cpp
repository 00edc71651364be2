// SPDX-License-Identifier: MIT
/// \file
/// Blocks that one thread allocates and another frees: nobody else has them meanwhile, and their
/// number stays flat.

#include "millpond/pool/concurrent_block_pool.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "crew.hpp"
#include "sound.hpp"
#include "stamp.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::test::effort;
using millpond::test::erase_stamp;
using millpond::test::run_together;
using millpond::test::stamps;

namespace {

/// A queue for one that gives and one that takes.
class channel {
public:
    [[nodiscard]] bool put(void* block) {
        const std::size_t end = end_.load(std::memory_order_relaxed);
        if (end - begin_.load(std::memory_order_acquire) == places_.size()) {
            return false;
        }
        places_[end % places_.size()] = block;
        end_.store(end + 1, std::memory_order_release);
        return true;
    }

    [[nodiscard]] void* take() {
        const std::size_t begin = begin_.load(std::memory_order_relaxed);
        if (begin == end_.load(std::memory_order_acquire)) {
            return nullptr;
        }
        void* const block = places_[begin % places_.size()];
        begin_.store(begin + 1, std::memory_order_release);
        return block;
    }

private:
    std::array<void*, 128> places_{};
    std::atomic<std::size_t> begin_ = 0;
    std::atomic<std::size_t> end_ = 0;
};

/// A block on its way, and the number that must be in it.
struct parcel {
    void* block;
    std::uint64_t stamp;
};

/// Places from which any thread takes what another has put there.
class exchange_places {
public:
    /// Leaves one parcel, takes what was there.
    parcel swap(std::size_t place, parcel mine) {
        place %= places_.size();
        while (busy_[place].test_and_set(std::memory_order_acquire)) {
            std::this_thread::yield();
        }
        const parcel other = places_[place];
        places_[place] = mine;
        busy_[place].clear(std::memory_order_release);
        return other;
    }

private:
    std::array<parcel, 64> places_{};
    std::array<std::atomic_flag, 64> busy_{};
};

struct shape {
    std::size_t block_bytes, capacity, pool_threads, threads;
};

/// Threads that swap blocks at random; how many were found changed.
int changed_blocks(concurrent_block_pool& pool, std::size_t threads) {
    exchange_places places;
    std::atomic<int> changed = 0;
    const std::size_t bytes = pool.block_bytes();
    run_together(threads, [&](std::size_t self) {
        std::mt19937_64 random(self);
        stamps mine(self);
        auto view = pool.local();
        const auto free = [&](parcel given) {
            if (given.block == nullptr) {
                return;
            }
            changed += erase_stamp(given.block, bytes, given.stamp) ? 0 : 1;
            switch (random() % 4) {
            case 0:
                view.deallocate(given.block);
                break;
            case 1:
                pool.deallocate_direct(given.block);
                break;
            case 2:
                pool.deallocate_bulk(std::array<void*, 1>{given.block});
                break;
            default:
                pool.deallocate(given.block);
            }
        };
        for (std::size_t step = 0; step < effort<std::size_t>(60'000, 8'000, 500); ++step) {
            parcel made{};
            switch (random() % 4) {
            case 0:
                made.block = view.try_allocate();
                break;
            case 1:
                made.block = pool.try_allocate_direct();
                break;
            default:
                made.block = pool.try_allocate();
            }
            made.stamp = made.block != nullptr ? mine.write(made.block, bytes) : 0;
            free(places.swap(random(), made));
        }
    });
    for (std::size_t place = 0; place < 64; ++place) {
        const parcel rest = places.swap(place, {});
        changed += rest.block == nullptr || erase_stamp(rest.block, bytes, rest.stamp) ? 0 : 1;
        pool.deallocate(rest.block);
    }
    return changed;
}

} // namespace

TEST_CASE("no block is ever in two hands while threads swap blocks at random") {
    for (const shape& now : {shape{16, 8, 2, 3},
                             shape{64, 60, 2, 4},
                             shape{64, 130, 4, 4},
                             shape{256, 1'000, 3, 6},
                             shape{16, 20'000, 8, 4},
                             shape{4096, 300, 250, 3}}) {
        CAPTURE(now.capacity);
        concurrent_block_pool pool({.block_bytes = now.block_bytes,
                                    .capacity = now.capacity,
                                    .threads = now.pool_threads});
        CHECK(changed_blocks(pool, now.threads) == 0);
        CHECK(pool.size_estimate() == 0);
        CHECK_SOUND(pool);
        CHECK(millpond::test::count_available(pool) == pool.stats().blocks);
    }
}

TEST_CASE("a producer and a consumer need few distinct blocks however many they hand over") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 100'000, .threads = 2});
    const std::size_t spare = pool.stats().blocks - pool.capacity();
    channel queue;
    std::set<void*> distinct;
    std::atomic<bool> in_order = true;
    constexpr auto count = effort<std::uint64_t>(400'000, 60'000, 4'000);
    run_together(2, [&](std::size_t self) {
        auto mine = pool.local();
        for (std::uint64_t i = 0; i < count; ++i) {
            if (self == 0) {
                auto* const made = static_cast<std::uint64_t*>(mine.allocate());
                made[0] = i;
                distinct.insert(made);
                while (!queue.put(made)) {
                    std::this_thread::yield();
                }
                continue;
            }
            void* given = queue.take();
            for (; given == nullptr; given = queue.take()) {
                std::this_thread::yield();
            }
            in_order = in_order && *static_cast<std::uint64_t*>(given) == i;
            mine.deallocate(given);
        }
    });
    CHECK(in_order);
    // What is under way, what the two keep, and the words in between.
    CHECK(distinct.size() <= 128 + 2 * spare);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE(
    "a producer is never refused when the capacity covers the queue and a block in each hand") {
    // The consumer keeps what it frees; the spare blocks stand for that.
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 130, .threads = 2});
    channel queue;
    int refused = 0;
    constexpr auto count = effort<std::uint64_t>(200'000, 30'000, 4'000);
    run_together(2, [&](std::size_t self) {
        for (std::uint64_t i = 0; i < count; ++i) {
            if (self == 0) {
                void* block = pool.try_allocate();
                for (; block == nullptr; block = pool.try_allocate()) {
                    ++refused;
                    std::this_thread::yield();
                }
                while (!queue.put(block)) {
                    std::this_thread::yield();
                }
                continue;
            }
            void* given = queue.take();
            for (; given == nullptr; given = queue.take()) {
                std::this_thread::yield();
            }
            pool.deallocate(given);
        }
    });
    CHECK(refused == 0);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a pool of one block is passed on between threads without a loss") {
    concurrent_block_pool pool({.block_bytes = 8, .capacity = 1});
    std::atomic<int> had = 0;
    std::atomic<int> inside = 0;
    std::atomic<bool> alone = true;
    run_together(3, [&](std::size_t) {
        for (std::size_t step = 0; step < effort<std::size_t>(100'000, 10'000, 500); ++step) {
            if (void* const block = pool.try_allocate()) {
                alone = inside.fetch_add(1) == 0 && alone;
                ++had;
                --inside;
                pool.deallocate(block);
            }
        }
    });
    CHECK(alone);
    CHECK(had > 0);
    CHECK(millpond::test::count_available(pool) == 1);
    CHECK_SOUND(pool);
}

TEST_CASE("blocks of any size are their owner's alone, to the last byte") {
    for (const std::size_t bytes : {1U, 2U, 3U, 4U, 7U, 12U, 20U}) {
        CAPTURE(bytes);
        concurrent_block_pool pool({.block_bytes = bytes, .capacity = 200, .threads = 3});
        std::atomic<bool> whole = true;
        run_together(4, [&](std::size_t self) {
            std::vector<void*> mine(20);
            for (std::size_t step = 0; step < effort<std::size_t>(3'000, 1'000, 50); ++step) {
                const auto mark = static_cast<unsigned char>(step * 4 + self);
                pool.allocate_bulk(mine);
                for (void* const block : mine) {
                    std::memset(block, mark, bytes);
                }
                for (void* const block : mine) {
                    const auto* const first = static_cast<const unsigned char*>(block);
                    whole = std::all_of(first,
                                        first + bytes,
                                        [mark](unsigned char byte) { return byte == mark; }) &&
                            whole;
                    pool.deallocate(block);
                }
            }
        });
        CHECK(whole);
        CHECK_SOUND(pool);
    }
}
