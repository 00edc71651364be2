// SPDX-License-Identifier: MIT
/// \file
/// `capacity` blocks can be live at once, whatever other threads keep, do or hold.

#include "millpond/pool/concurrent_block_pool.hpp"

#include <algorithm>
#include <atomic>
#include <barrier>
#include <cstddef>
#include <random>
#include <thread>
#include <vector>

#include "crew.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_block_pool;
using millpond::test::count_available;
using millpond::test::drain;
using millpond::test::effort;
using millpond::test::free_all;
using millpond::test::run_together;

namespace {

/// Fills what a thread keeps: takes a random number of blocks, some more than it can keep, and frees
/// them in order or at random, so that its words are in every state.
void keep_as_much_as_possible(concurrent_block_pool& pool, std::mt19937_64& random) {
    const auto now = pool.stats();
    const std::size_t share = (now.blocks - now.capacity) / std::max<std::size_t>(now.threads, 1);
    std::vector<void*> blocks(std::min(now.capacity, share + 1 + random() % 130));
    blocks.resize(pool.try_allocate_bulk(blocks));
    if (random() % 2 == 0) {
        std::shuffle(blocks.begin(), blocks.end(), random);
    }
    free_all(pool, blocks);
}

struct shape {
    std::size_t block_bytes, capacity, pool_threads, parked;
};

/// Parks threads with all that they can keep; returns what another thread gets then.
struct parked_result {
    std::size_t had = 0;      ///< by one thread's try_allocate
    std::size_t reserved = 0; ///< by one reservation
    std::size_t bulk = 0;     ///< by one allocate_bulk
    std::size_t kept = 0;     ///< blocks that could not be had
};

parked_result drain_past_parked(concurrent_block_pool& pool, std::size_t parked, unsigned seed) {
    std::barrier<> all_parked(static_cast<std::ptrdiff_t>(parked + 1));
    std::barrier<> go_home(static_cast<std::ptrdiff_t>(parked + 1));
    std::vector<std::thread> sleepers;
    for (std::size_t i = 0; i < parked; ++i) {
        sleepers.emplace_back([&, i] {
            std::mt19937_64 random(seed * 1'000 + i);
            keep_as_much_as_possible(pool, random);
            all_parked.arrive_and_wait();
            go_home.arrive_and_wait();
        });
    }
    all_parked.arrive_and_wait();
    parked_result result;
    std::thread([&] { // without blocks of its own, so that nothing else is kept
        std::vector<void*> blocks = drain(pool);
        result.had = blocks.size();
        result.kept = pool.stats().blocks - blocks.size();
        free_all(pool, blocks);
    })
        .join();
    std::thread([&] { result.reserved = pool.reserve_tokens(pool.capacity()).remaining(); }).join();
    std::vector<void*> many(pool.capacity());
    pool.allocate_bulk(many);
    result.bulk = many.size();
    pool.deallocate_bulk(many);
    go_home.arrive_and_wait();
    for (std::thread& one : sleepers) {
        one.join();
    }
    return result;
}

/// Churning threads that each hold at most `most` blocks, one under way included.
class churners {
public:
    churners(concurrent_block_pool& pool, std::size_t count, std::size_t most) {
        for (std::size_t i = 0; i < count; ++i) {
            crew_.emplace_back([this, &pool, most, i] {
                std::mt19937_64 random(i);
                std::vector<void*> mine;
                while (!stop_) {
                    churn(pool, mine, most, random);
                    ++rounds_;
                }
                free_all(pool, mine);
            });
        }
    }

    churners(const churners&) = delete;
    churners& operator=(const churners&) = delete;

    ~churners() {
        stop_ = true;
        for (std::thread& one : crew_) {
            one.join();
        }
    }

    [[nodiscard]] int rounds() const { return rounds_; }

private:
    static void churn(concurrent_block_pool& pool,
                      std::vector<void*>& mine,
                      std::size_t most,
                      std::mt19937_64& random) {
        while (mine.size() < most && random() % 16 != 0) {
            void* const block =
                random() % 8 == 0 ? pool.try_allocate_direct() : pool.try_allocate();
            if (block == nullptr) {
                break;
            }
            mine.push_back(block);
        }
        if (random() % 8 == 0) {
            pool.deallocate_bulk(mine);
            mine.clear();
        }
        while (!mine.empty() && random() % 16 != 0) {
            std::swap(mine.back(), mine[random() % mine.size()]);
            pool.deallocate(mine.back());
            mine.pop_back();
        }
    }

    std::atomic<bool> stop_ = false;
    std::atomic<int> rounds_ = 0;
    std::vector<std::thread> crew_;
};

} // namespace

TEST_CASE("capacity blocks can be had while every other thread sleeps on all that it can keep") {
    std::size_t kept_most = 0;
    for (const shape& now : {shape{16, 10, 2, 2},
                             shape{16, 100, 2, 2},
                             shape{64, 200, 4, 4},
                             shape{64, 1'000, 8, 8},
                             shape{64, 5'000, 4, 6},
                             shape{64, 50'000, 32, 32},
                             shape{512, 3'000, 3, 3},
                             shape{4096, 500, 4, 4},
                             shape{4096, 2'000, 16, 20}}) {
        CAPTURE(now.capacity);
        CAPTURE(now.parked);
        concurrent_block_pool pool({.block_bytes = now.block_bytes,
                                    .capacity = now.capacity,
                                    .threads = now.pool_threads});
        for (unsigned round = 0; round < effort(6U, 2U, 1U); ++round) {
            const parked_result result = drain_past_parked(pool, now.parked, round);
            CHECK(result.had >= now.capacity);
            CHECK(result.reserved == now.capacity);
            CHECK(result.bulk == now.capacity);
            CHECK((result.kept > 0) == (pool.stats().threads > 0));
            kept_most = std::max(kept_most, result.kept);
            CHECK_SOUND(pool);
        }
        CHECK(pool.size_estimate() == 0);
    }
    CHECK(kept_most > 2'000); // or the threads above kept nothing worth a promise
}

TEST_CASE("spare blocks are no more than twice what threads can be brought to keep") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 20'000, .threads = 4});
    const std::size_t spare = pool.stats().blocks - pool.capacity();
    std::size_t kept_most = 0;
    for (unsigned round = 0; round < 4; ++round) {
        kept_most = std::max(kept_most, drain_past_parked(pool, 4, round).kept);
    }
    CHECK(kept_most <= spare);
    CHECK(2 * kept_most >= spare);
}

TEST_CASE("capacity less what others hold can be had again and again while they churn") {
    for (const shape& now : {shape{16, 40, 2, 2},
                             shape{64, 130, 2, 3},
                             shape{64, 500, 4, 3},
                             shape{64, 6'000, 4, 2},
                             shape{1024, 700, 2, 2}}) {
        CAPTURE(now.capacity);
        concurrent_block_pool pool({.block_bytes = now.block_bytes,
                                    .capacity = now.capacity,
                                    .threads = now.pool_threads});
        const std::size_t most = now.capacity / 8;
        std::size_t least = pool.stats().blocks;
        int rounds = 0;
        {
            const churners others(pool, now.parked, most);
            const auto wanted = effort(200'000U, 40'000U, 2'000U) / now.capacity + 5;
            for (std::size_t round = 0; round < wanted || others.rounds() == 0; ++round) {
                least = std::min(least, count_available(pool));
            }
            rounds = others.rounds();
        }
        CHECK(rounds > 0);
        CHECK(least >= now.capacity - now.parked * most);
        CHECK(pool.size_estimate() == 0);
        CHECK_SOUND(pool);
        CHECK(count_available(pool) == pool.stats().blocks);
    }
}

TEST_CASE("a thread that keeps nothing itself gets what the others do not hold while they churn") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 300, .threads = 2});
    std::size_t least = pool.stats().blocks;
    {
        const churners others(pool, 2, 40);
        while (others.rounds() < 2) {
            std::this_thread::yield();
        }
        for (std::size_t round = 0; round < effort<std::size_t>(500, 50, 5); ++round) {
            std::vector<void*> blocks;
            while (void* const block = pool.try_allocate_direct()) {
                blocks.push_back(block);
            }
            least = std::min(least, blocks.size());
            for (void* const block : blocks) {
                pool.deallocate_direct(block);
            }
        }
    }
    CHECK(least >= 300 - 2 * 40);
    CHECK_SOUND(pool);
}

TEST_CASE("reservations of all that others do not hold succeed while they churn") {
    concurrent_block_pool pool({.block_bytes = 64, .capacity = 400, .threads = 3});
    int refused = 0;
    {
        const churners others(pool, 2, 50);
        for (std::size_t round = 0;
             round < effort<std::size_t>(1'000, 100, 10) || others.rounds() == 0;
             ++round) {
            try {
                auto aside = pool.reserve_tokens(400 - 2 * 50);
                pool.deallocate(aside.allocate());
            } catch (const millpond::pool_exhausted&) {
                ++refused;
            }
        }
    }
    CHECK(refused == 0);
    CHECK(pool.stats().reserved == 0);
    CHECK_SOUND(pool);
}
