// SPDX-License-Identifier: MIT
/// \file
/// Threads that lose the processor before atomic steps chosen at random, in pools so small that they
/// meet all the time.

#include "millpond/millpond.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <random>
#include <thread>
#include <vector>

#include "crew.hpp"
#include "interleave.hpp"
#include "sound.hpp"
#include "stamp.hpp"
#include <doctest/doctest.h>

static_assert(MILLPOND_INTERLEAVE == 1);

using millpond::concurrent_block_pool;
using millpond::test::count_available;
using millpond::test::drain;
using millpond::test::effort;
using millpond::test::free_all;
using millpond::test::run_together;
using millpond::test::yield_at_random;

namespace {

struct shape {
    std::size_t capacity, pool_threads, threads;
    millpond::capacity_bound bound = millpond::capacity_bound::at_least;
};

/// From one block to two words, with threads that keep blocks and threads that do not.
constexpr std::array shapes{shape{1, 1, 2},
                            shape{2, 1, 3},
                            shape{6, 1, 2},
                            shape{12, 2, 2},
                            shape{24, 2, 3},
                            shape{63, 2, 3},
                            shape{64, 3, 4},
                            shape{65, 2, 3},
                            shape{130, 2, 4},
                            shape{3, 2, 3, millpond::capacity_bound::exact},
                            shape{65, 2, 3, millpond::capacity_bound::exact}};

millpond::concurrent_block_pool_options options_of(const shape& now) {
    return {.block_bytes = 16,
            .capacity = now.capacity,
            .threads = now.pool_threads,
            .bound = now.bound};
}

/// Runs `body(self, random)` in threads that yield at random, once per round with other seeds.
template <class Body>
void run_interleaved(std::size_t threads, std::uint64_t round, Body body) {
    run_together(threads, [&](std::size_t self) {
        const std::uint64_t seed = round * 64 + self + 1;
        yield_at_random(seed, 2U + static_cast<std::uint32_t>(round % 7));
        std::mt19937_64 random(seed);
        body(self, random);
        yield_at_random(0, 0);
    });
}

/// Nothing lives, nothing is lost, everything can be had.
void check_whole(concurrent_block_pool& pool) {
    REQUIRE(pool.size_estimate() == 0);
    REQUIRE(pool.stats().reserved == 0);
    REQUIRE_SOUND(pool);
    REQUIRE(count_available(pool) == pool.stats().blocks);
}

constexpr std::uint64_t rounds = effort<std::uint64_t>(150, 30, 2);

} // namespace

TEST_CASE("blocks that threads hand over have one owner at a time, at whatever step they yield") {
    for (const shape& now : shapes) {
        CAPTURE(now.capacity);
        concurrent_block_pool pool(options_of(now));
        for (std::uint64_t round = 0; round < rounds; ++round) {
            std::array<std::atomic<void*>, 8> places{};
            std::atomic<int> changed = 0;
            const auto free = [&](void* block, std::uint64_t way) {
                if (block == nullptr) {
                    return;
                }
                const std::uint64_t stamp = millpond::test::stamp_of(block, 16);
                changed += millpond::test::erase_stamp(block, 16, stamp) ? 0 : 1;
                way % 4 == 0 ? pool.deallocate_direct(block) : pool.deallocate(block);
            };
            run_interleaved(now.threads, round, [&](std::size_t self, std::mt19937_64& random) {
                millpond::test::stamps mine(self);
                for (int step = 0; step < 60; ++step) {
                    void* const block =
                        random() % 4 == 0 ? pool.try_allocate_direct() : pool.try_allocate();
                    if (block != nullptr) {
                        changed += *static_cast<std::uint64_t*>(block) % 256 != 0 ? 1 : 0;
                        mine.write(block, 16);
                    }
                    free(places[random() % places.size()].exchange(block), random());
                }
            });
            for (auto& place : places) {
                free(place.exchange(nullptr), 1);
            }
            REQUIRE(changed == 0);
            check_whole(pool);
        }
    }
}

TEST_CASE(
    "a drainer has capacity less what a churning thread holds, at whatever step that yields") {
    for (const shape& now : shapes) {
        CAPTURE(now.capacity);
        concurrent_block_pool pool(options_of(now));
        const std::size_t most = std::max<std::size_t>(now.capacity / 3, 1);
        for (std::uint64_t round = 0; round < rounds; ++round) {
            std::atomic<bool> stop = false;
            std::size_t least = pool.stats().blocks;
            run_interleaved(2, round, [&](std::size_t self, std::mt19937_64& random) {
                std::vector<void*> mine;
                for (int step = 0; self == 0 && step < 6; ++step) {
                    mine = drain(pool);
                    least = std::min(least, mine.size());
                    random() % 2 == 0 ? pool.deallocate_bulk(mine) : free_all(pool, mine);
                }
                while (self == 1 && !stop) {
                    mine.resize(random() % (most + 1));
                    mine.resize(pool.try_allocate_bulk(mine));
                    random() % 4 == 0 ? pool.deallocate_bulk(mine) : free_all(pool, mine);
                }
                stop = self == 0 || stop;
            });
            REQUIRE(least >= now.capacity - most);
            check_whole(pool);
        }
    }
}

TEST_CASE(
    "an exact bound is all that threads hold and all that they can have, at whatever step they "
    "yield") {
    for (const std::size_t each : {1U, 2U, 21U, 22U}) {
        for (const std::size_t wanted : {each, 2 * each}) { // what there is, and twice as much
            CAPTURE(each);
            CAPTURE(wanted);
            const shape now{3 * each, 2, 3, millpond::capacity_bound::exact};
            concurrent_block_pool pool(options_of(now));
            for (std::uint64_t round = 0; round < rounds; ++round) {
                std::atomic<std::size_t> held = 0; // from after an allocation to before a free
                std::atomic<std::size_t> too_many = 0;
                std::atomic<std::size_t> refused = 0;
                run_interleaved(now.threads, round, [&](std::size_t, std::mt19937_64& random) {
                    std::vector<void*> mine;
                    for (int step = 0; step < 40; ++step) {
                        while (mine.size() < wanted && random() % 8 != 0) {
                            void* const block = random() % 4 == 0 ? pool.try_allocate_direct()
                                                                  : pool.try_allocate();
                            if (block == nullptr) {
                                ++refused;
                                break;
                            }
                            too_many += ++held > now.capacity ? 1U : 0U;
                            mine.push_back(block);
                        }
                        held -= mine.size();
                        random() % 4 == 0 ? pool.deallocate_bulk(mine) : free_all(pool, mine);
                        mine.clear();
                    }
                });
                REQUIRE(too_many == 0);
                REQUIRE((wanted != each || refused == 0));
                check_whole(pool);
            }
        }
    }
}

TEST_CASE("threads that end at any step strand nothing while others allocate") {
    for (const shape& now : shapes) {
        CAPTURE(now.capacity);
        concurrent_block_pool pool(options_of(now));
        for (std::uint64_t round = 0; round < rounds; ++round) {
            const std::size_t each = 1 + now.capacity / 4;
            run_interleaved(now.threads, round, [&](std::size_t, std::mt19937_64& random) {
                for (int life = 0; life < 3; ++life) {
                    std::vector<void*> mine(1 + random() % each);
                    const std::uint64_t seed = random();
                    std::thread([&] {
                        yield_at_random(seed, 3);
                        mine.resize(pool.try_allocate_bulk(mine));
                        if (seed % 2 == 0) {
                            free_all(pool, mine);
                        }
                    }).join(); // it yields in its end, too
                    free_all(pool, mine);
                }
            });
            check_whole(pool);
        }
    }
}

TEST_CASE("every waiter gets a block that another frees, at whatever step either yields") {
    for (const shape& now : shapes) {
        CAPTURE(now.capacity);
        concurrent_block_pool pool(options_of(now));
        for (std::uint64_t round = 0; round < rounds; ++round) {
            std::atomic<int> forgotten = 0;
            run_interleaved(now.threads + 1, round, [&](std::size_t, std::mt19937_64& random) {
                for (int step = 0; step < 12; ++step) {
                    void* const block = pool.try_allocate_for(std::chrono::seconds(30));
                    forgotten += block == nullptr ? 1 : 0;
                    random() % 3 == 0 ? pool.deallocate_direct(block) : pool.deallocate(block);
                }
            });
            REQUIRE(forgotten == 0);
            check_whole(pool);
        }
    }
}

TEST_CASE("reservations hold and are whole or refused, at whatever step threads yield") {
    for (const shape& now : shapes) {
        CAPTURE(now.capacity);
        concurrent_block_pool pool(options_of(now));
        for (std::uint64_t round = 0; round < rounds; ++round) {
            std::atomic<int> broken = 0;
            run_interleaved(now.threads, round, [&](std::size_t self, std::mt19937_64& random) {
                for (int step = 0; step < 12; ++step) {
                    if (self == 0 && step % 2 == 0) {
                        std::vector<void*> blocks = drain(pool);
                        free_all(pool, blocks);
                        continue;
                    }
                    const std::size_t wanted = 1 + random() % now.capacity;
                    try {
                        auto aside = pool.reserve_tokens(wanted);
                        std::vector<void*> blocks(random() % (wanted + 1));
                        for (void*& block : blocks) {
                            block = aside.try_allocate();
                            broken += block == nullptr ? 1 : 0;
                        }
                        broken += aside.remaining() == wanted - blocks.size() ? 0 : 1;
                        free_all(pool, blocks);
                    } catch (const millpond::pool_exhausted&) {
                        broken += wanted == 0 ? 1 : 0; // nothing is never too much
                    }
                }
            });
            REQUIRE(broken == 0);
            check_whole(pool);
        }
    }
}

TEST_CASE("objects and leases pass between threads whole, at whatever step they yield") {
    for (const shape& now : shapes) {
        CAPTURE(now.capacity);
        millpond::concurrent_object_pool<std::vector<int>> objects(
            {.capacity = now.capacity, .threads = now.pool_threads, .bound = now.bound});
        millpond::recycling_pool<std::atomic<long>> recycled(
            {.capacity = now.capacity, .threads = now.pool_threads, .bound = now.bound});
        std::array<std::atomic<std::vector<int>*>, 4> places{};
        std::atomic<int> broken = 0;
        for (std::uint64_t round = 0; round < rounds / 3 + 1; ++round) {
            run_interleaved(now.threads, round, [&](std::size_t, std::mt19937_64& random) {
                for (int step = 0; step < 30; ++step) {
                    auto* const made = objects.try_create(random() % 5, 7);
                    auto* const other = places[random() % places.size()].exchange(made);
                    if (other != nullptr) {
                        broken += std::ranges::all_of(*other, [](int i) { return i == 7; }) ? 0 : 1;
                        objects.destroy(other);
                    }
                    if (auto lent = recycled.try_acquire(0)) {
                        broken += lent->fetch_add(1) == 0 ? 0 : 1;
                        std::this_thread::yield();
                        lent->fetch_sub(1);
                    }
                }
            });
        }
        for (auto& place : places) {
            objects.destroy(place.load());
        }
        CHECK(broken == 0);
        CHECK(objects.size_estimate() == 0);
        CHECK(recycled.size_estimate() == 0);
        CHECK_SOUND(objects);
        CHECK_SOUND(recycled);
    }
}
