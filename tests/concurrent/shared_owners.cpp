// SPDX-License-Identifier: MIT
/// \file
/// Shared owners that any thread copies and drops: `make_shared` of pool/concurrent_object_pool.hpp, and
/// pool/shared_owner.hpp.

#include "millpond/pool/concurrent_object_pool.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <cstddef>
#include <memory>
#include <mutex>
#include <new>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "crew.hpp"
#include "pool/child.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_object_pool;
using millpond::test::effort;
using millpond::test::run_together;

namespace {

/// Counts what is alive, and throws when it is told to.
struct counted {
    static inline std::atomic<int> alive = 0;

    explicit counted(std::size_t number, bool bad = false)
        : first(number)
        , last(number) {
        if (bad) {
            throw std::runtime_error("bad");
        }
        ++alive;
    }

    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;

    ~counted() {
        first = ~std::size_t{0};
        --alive;
    }

    std::size_t first;
    std::array<char, 40> between{};
    std::size_t last;
};

/// Owns the next of its kind.
struct bead {
    static inline std::atomic<int> alive = 0;

    bead() { ++alive; }

    bead(const bead&) = delete;
    bead& operator=(const bead&) = delete;

    ~bead() { --alive; }

    std::shared_ptr<bead> next;
};

/// A shared owner and a weak pointer that all threads may take and change.
struct meeting_place {
    std::mutex lock;
    std::shared_ptr<counted> owner;
    std::weak_ptr<counted> weak;

    void put(const std::shared_ptr<counted>& next) {
        std::shared_ptr<counted> old;
        std::weak_ptr<counted> old_weak; // both go outside the lock
        const std::lock_guard guard(lock);
        old = std::exchange(owner, next);
        if (next != nullptr) {
            old_weak = std::exchange(weak, next);
        }
    }

    std::shared_ptr<counted> get(bool by_weak_pointer) {
        const std::lock_guard guard(lock);
        return by_weak_pointer ? weak.lock() : owner;
    }
};

template <class Pool>
std::size_t live_controls(const Pool& pool) {
    return pool.shared_stats().live;
}

} // namespace

TEST_CASE("threads that copy, drop and lock each other's owners find whole objects and lose none") {
    concurrent_object_pool<counted> pool({.capacity = 300, .threads = 3});
    std::array<meeting_place, 16> places;
    std::atomic<bool> whole = true;
    run_together(4, [&](std::size_t self) {
        std::mt19937_64 random(self);
        std::vector<std::shared_ptr<counted>> own(8);
        for (std::size_t step = 0; step < effort<std::size_t>(60'000, 8'000, 500); ++step) {
            meeting_place& place = places[random() % places.size()];
            std::shared_ptr<counted>& mine = own[random() % own.size()];
            switch (random() % 4) {
            case 0:
                mine = pool.make_shared(step);
                break;
            case 1:
                place.put(mine);
                break;
            case 2:
                place.put(nullptr);
                break;
            default:
                mine = place.get(random() % 2 == 0);
            }
            if (mine != nullptr && (mine->first != mine->last || mine->first > 60'000)) {
                whole = false;
            }
        }
    });
    CHECK(whole);
    CHECK(pool.size_estimate() == static_cast<std::size_t>(counted::alive));
    CHECK(live_controls(pool) >= pool.size_estimate());
    CHECK(live_controls(pool) <= 2 * places.size());
    for (meeting_place& place : places) {
        place.owner.reset();
        place.weak.reset();
    }
    CHECK(counted::alive == 0);
    CHECK(pool.size_estimate() == 0);
    CHECK(live_controls(pool) == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("threads whose first shared owners come at the same instant share one home") {
    for (int round = 0; round < effort(300, 60, 5); ++round) {
        concurrent_object_pool<counted> pool({.capacity = 100, .threads = 2});
        std::array<std::shared_ptr<counted>, 4> owners;
        run_together(4, [&](std::size_t self) {
            owners[self] = pool.make_shared(self);
            owners[self] = pool.make_shared(self + 10);
        });
        REQUIRE(live_controls(pool) == 4);
        REQUIRE(pool.size_estimate() == 4);
        REQUIRE(pool.shared_stats().capacity == 100);
        for (std::size_t i = 0; i < owners.size(); ++i) {
            REQUIRE(owners[i]->last == i + 10);
        }
        REQUIRE_SOUND(pool);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE(
    "the last owner in whichever thread destroys the object, the last weak pointer its block") {
    concurrent_object_pool<counted> pool({.capacity = 100, .threads = 2});
    for (int round = 0; round < effort(500, 100, 10); ++round) {
        std::array<std::shared_ptr<counted>, 3> owners;
        owners.fill(pool.make_shared(1U));
        std::array<std::weak_ptr<counted>, 3> weak{owners[0], owners[0], owners[0]};
        run_together(3, [&](std::size_t self) {
            owners[self].reset();
            weak[self].reset();
        });
        REQUIRE(counted::alive == 0);
        REQUIRE(pool.size_estimate() == 0);
        REQUIRE(live_controls(pool) == 0);
    }
    CHECK_SOUND(pool);
}

TEST_CASE("full pools of objects or of control blocks throw in every thread and lose nothing") {
    concurrent_object_pool<counted> pool({.name = "orders", .capacity = 40, .threads = 2});
    std::vector<std::shared_ptr<counted>> owners;
    std::string text;
    const auto fill = [&] {
        try {
            while (true) {
                owners.push_back(pool.make_shared(owners.size()));
            }
        } catch (const millpond::pool_exhausted& error) {
            text = error.what();
        }
    };
    fill();
    CHECK(owners.size() >= 40);
    CHECK(text == "millpond: pool 'orders' is exhausted: capacity 40");
    std::vector<std::weak_ptr<counted>> weak(owners.begin(), owners.end());
    owners.clear();
    CHECK(counted::alive == 0);
    run_together(3, [&](std::size_t) {
        while (true) {
            try {
                const std::shared_ptr<counted> made = pool.make_shared(1U);
                static std::mutex lock;
                const std::lock_guard guard(lock);
                weak.emplace_back(made);
            } catch (const millpond::pool_exhausted&) {
                break;
            }
        }
    });
    CHECK(live_controls(pool) == weak.size());
    CHECK_THROWS_WITH_AS((void)pool.make_shared(1U),
                         "millpond: pool 'orders.shared' is exhausted: capacity 40",
                         millpond::pool_exhausted);
    CHECK(counted::alive == 0);
    CHECK(pool.size_estimate() == 0);
    weak.clear();
    CHECK(live_controls(pool) == 0);
    fill();
    CHECK(owners.size() >= 40);
    CHECK_SOUND(pool);
}

TEST_CASE("a constructor that throws gives back object and control block in every thread") {
    concurrent_object_pool<counted> pool({.capacity = 64, .threads = 2});
    std::atomic<int> thrown = 0;
    run_together(3, [&](std::size_t self) {
        for (std::size_t i = 0; i < 1'000; ++i) {
            try {
                const auto made = pool.make_shared(self, i % 3 != 0);
                (void)made;
            } catch (const std::runtime_error&) {
                ++thrown;
            }
        }
    });
    CHECK(thrown == 3 * 666);
    CHECK(counted::alive == 0);
    CHECK(pool.size_estimate() == 0);
    CHECK(live_controls(pool) == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("weak pointers that outlive their pool are dropped by several threads at once") {
    for (int round = 0; round < effort(200, 50, 5); ++round) {
        std::vector<std::vector<std::weak_ptr<counted>>> weak(4);
        {
            concurrent_object_pool<counted> pool({.capacity = 100, .threads = 2});
            for (std::size_t i = 0; i < 60; ++i) {
                weak[i % 4].emplace_back(pool.make_shared(i));
                weak[(i + 1) % 4].push_back(weak[i % 4].back());
            }
        }
        std::atomic<bool> expired = true;
        run_together(4, [&](std::size_t self) {
            for (auto& each : weak[self]) {
                expired = expired && each.lock() == nullptr;
                each.reset();
            }
        });
        REQUIRE(expired);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("an owner that outlives its pool stops in whatever thread it goes") {
    const auto result = millpond::test::run_in_child([] {
        std::shared_ptr<counted> owner;
        {
            concurrent_object_pool<counted> pool({.name = "shared", .capacity = 100});
            owner = pool.make_shared(1U);
        }
        std::thread([&] { owner.reset(); }).join();
    });
    CHECK(result.signal == SIGABRT);
    CHECK(result.error_output.starts_with("millpond: pool 'shared': free of "));
    CHECK(result.error_output.ends_with(": the pool is destroyed\n"));
}

TEST_CASE("objects that own each other in a circle go with their pool, whoever made them") {
    {
        concurrent_object_pool<bead> pool({.capacity = 500, .threads = 2});
        run_together(3, [&](std::size_t) {
            const std::shared_ptr<bead> first = pool.make_shared();
            std::shared_ptr<bead> last = first;
            for (int i = 1; i < 50; ++i) {
                last->next = pool.make_shared();
                last = last->next;
            }
            last->next = first;
        });
        CHECK(bead::alive == 150);
    }
    CHECK(bead::alive == 0);
}

TEST_CASE("a thread that ends leaves its owners to others and the blocks that it freed to all") {
    concurrent_object_pool<counted> pool({.capacity = 64, .threads = 1});
    std::vector<std::shared_ptr<counted>> owners;
    for (int round = 0; round < 20; ++round) {
        std::thread([&] {
            owners.clear(); // those of the last thread
            while (owners.size() < 64) {
                owners.push_back(pool.make_shared(owners.size()));
            }
        }).join();
    }
    CHECK(pool.size_estimate() == 64);
    CHECK(live_controls(pool) == 64);
    owners.clear();
    CHECK(live_controls(pool) == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a concurrent pool in a buffer shares once it has a second buffer") {
    using pool_type = concurrent_object_pool<counted>;
    for (const std::size_t capacity : {1U, 50U, 1'000U}) {
        millpond::concurrent_object_pool_options options{
            .name = "inside",
            .capacity = capacity,
            .threads = 3,
            .memory = {.source = millpond::memory_source::buffer}};
        std::vector<std::byte> objects(pool_type::buffer_bytes(options));
        options.memory.buffer = objects;
        std::vector<std::byte> controls(pool_type::shared_buffer_bytes(options));
        pool_type pool(options);
        CHECK_THROWS_AS((void)pool.make_shared(1U), std::invalid_argument);
        CHECK_THROWS_AS(pool.reserve_shared(), std::invalid_argument);
        CHECK(pool.size_estimate() == 0);
        pool.reserve_shared({.source = millpond::memory_source::buffer, .buffer = controls});
        pool.reserve_shared();
        std::vector<std::shared_ptr<counted>> owners;
        while (owners.size() < capacity) {
            owners.push_back(pool.make_shared(owners.size()));
        }
        CHECK(live_controls(pool) == capacity);
        CHECK_SOUND(pool);
    }
}

TEST_CASE(
    "a concurrent pool that shares nothing has no control blocks, and a prepared one has them") {
    concurrent_object_pool<counted> pool({.capacity = 1'000, .threads = 2});
    pool.destroy(pool.create(1U));
    CHECK(pool.shared_stats().blocks == 0);
    pool.reserve_shared();
    CHECK(pool.shared_stats().capacity == 1'000);
    CHECK(pool.shared_stats().threads == pool.stats().threads);
    CHECK(live_controls(pool) == 0);
    CHECK(pool.make_shared(2U)->first == 2);
}
