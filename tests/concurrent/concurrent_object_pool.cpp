// SPDX-License-Identifier: MIT
/// \file
/// Objects that one thread creates and another destroys: pool/concurrent_object_pool.hpp.

#include "millpond/pool/concurrent_object_pool.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "crew.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_object_pool;
using millpond::test::effort;
using millpond::test::run_together;

namespace {

/// Counts what is alive, and throws when it is told to.
struct counted {
    static inline std::atomic<int> alive = 0;

    explicit counted(std::string text, bool bad = false)
        : text_(std::move(text)) {
        if (bad) {
            throw std::runtime_error("bad");
        }
        ++alive;
    }

    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;

    ~counted() { --alive; }

    std::string text_;
};

/// Owns the next of its kind in the same pool.
struct bead {
    using owned = std::unique_ptr<bead, void (*)(bead*)>;
    static inline std::atomic<int> alive = 0;

    explicit bead(owned&& tail)
        : next(std::move(tail)) {
        ++alive;
    }

    bead(const bead&) = delete;
    bead& operator=(const bead&) = delete;

    ~bead() { --alive; }

    owned next;
};

concurrent_object_pool<bead>* chain = nullptr;

void destroy_bead(bead* object) {
    chain->destroy(object);
}

/// Links so many of them; the one returned owns the others.
bead* linked(concurrent_object_pool<bead>& pool, int count) {
    bead* first = nullptr;
    for (int i = 0; i < count; ++i) {
        first = pool.create(bead::owned(first, destroy_bead));
    }
    return first;
}

} // namespace

TEST_CASE("objects that one thread creates are destroyed by another with their contents whole") {
    concurrent_object_pool<counted> pool({.capacity = 200, .threads = 3});
    std::array<std::atomic<counted*>, 32> places{};
    std::atomic<bool> whole = true;
    run_together(4, [&](std::size_t self) {
        auto mine = pool.local();
        for (std::size_t step = 0; step < effort<std::size_t>(30'000, 5'000, 500); ++step) {
            const std::string text(20 + step % 20, static_cast<char>('a' + self));
            counted* const made = self % 2 == 0 ? mine.create(text) : pool.create(text);
            counted* const other = places[step % places.size()].exchange(made);
            if (other != nullptr) {
                whole =
                    whole && other->text_.find_first_not_of(other->text_[0]) == std::string::npos;
                self % 2 == 0 ? mine.destroy(other) : pool.destroy(other);
            }
        }
    });
    CHECK(whole);
    CHECK(pool.size_estimate() == static_cast<std::size_t>(counted::alive));
    for (auto& place : places) {
        pool.destroy(place.exchange(nullptr));
    }
    CHECK(counted::alive == 0);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE(
    "a constructor that throws gives its block back in whatever thread and way it was called") {
    concurrent_object_pool<counted> pool({.capacity = 64, .threads = 2});
    const auto throws_everywhere = [&pool] {
        int thrown = 0;
        const auto attempt = [&thrown](auto create) {
            try {
                create();
            } catch (const std::runtime_error&) {
                ++thrown;
            }
        };
        auto aside = pool.reserve_tokens(2);
        for (int i = 0; i < 1'000; ++i) {
            attempt([&] { (void)pool.create("text", true); });
            attempt([&] { (void)pool.try_create("text", true); });
            attempt([&] { (void)pool.make_unique("text", true); });
            attempt([&] { (void)pool.try_create_for(std::chrono::seconds(1), "text", true); });
            attempt([&] { (void)pool.local().create("text", true); });
            attempt([&] { (void)pool.local().try_create("text", true); });
        }
        attempt([&] { (void)aside.create("text", true); });
        return thrown;
    };
    CHECK(throws_everywhere() == 6'001);
    int elsewhere = 0;
    std::thread([&] { elsewhere = throws_everywhere(); }).join();
    CHECK(elsewhere == 6'001);
    CHECK(counted::alive == 0);
    CHECK(pool.size_estimate() == 0);
    CHECK(pool.stats().reserved == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("an owner from make_unique destroys its object in the thread that it was handed to") {
    concurrent_object_pool<counted> pool({.capacity = 100, .threads = 2});
    auto owned = pool.make_unique("handed over");
    std::string seen;
    std::thread([&seen, given = std::move(owned)]() mutable {
        seen = given->text_;
        given.reset();
    }).join();
    CHECK(seen == "handed over");
    CHECK(owned == nullptr);
    CHECK(counted::alive == 0);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a full object pool gives nullptr and throws, and calls no constructor") {
    concurrent_object_pool<counted> pool({.name = "full", .capacity = 5, .threads = 1});
    std::vector<counted*> objects;
    while (counted* const made = pool.try_create("one more")) {
        objects.push_back(made);
    }
    CHECK(objects.size() >= 5);
    const int before = counted::alive;
    CHECK_THROWS_AS((void)pool.create("too many"), millpond::pool_exhausted);
    CHECK_THROWS_AS((void)pool.make_unique("too many"), millpond::pool_exhausted);
    CHECK_THROWS_AS((void)pool.local().create("too many"), millpond::pool_exhausted);
    CHECK(pool.local().try_create("too many") == nullptr);
    CHECK(pool.try_create_for(std::chrono::milliseconds(2), "too many") == nullptr);
    CHECK(pool.try_create_until(std::chrono::system_clock::now(), "too many") == nullptr);
    CHECK(counted::alive == before);
    std::thread([&] { pool.destroy(objects.back()); }).join();
    objects.back() = pool.try_create_for(std::chrono::seconds(30), "room again");
    REQUIRE(objects.back() != nullptr);
    for (counted* const object : objects) {
        pool.destroy(object);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("what is alive when an object pool dies is destroyed once, whoever created it") {
    {
        concurrent_object_pool<counted> pool({.capacity = 1'000, .threads = 2});
        run_together(4, [&](std::size_t self) {
            for (std::size_t i = 0; i < 100; ++i) {
                counted* const made = pool.create("left behind");
                if ((i + self) % 3 == 0) {
                    pool.destroy(made);
                }
            }
        });
        CHECK(counted::alive == static_cast<int>(pool.size_estimate()));
        CHECK(counted::alive > 200);
    }
    CHECK(counted::alive == 0);
}

TEST_CASE("a destructor may destroy another object of its pool, alone and among threads") {
    concurrent_object_pool<bead> pool({.capacity = 500, .threads = 3});
    chain = &pool;
    pool.destroy(linked(pool, 500));
    CHECK(bead::alive == 0);
    CHECK_SOUND(pool);
    std::array<std::atomic<bead*>, 4> places{};
    run_together(4, [&](std::size_t self) {
        for (std::size_t step = 0; step < effort<std::size_t>(5'000, 500, 50); ++step) {
            pool.destroy(places[(self + step) % places.size()].exchange(linked(pool, 20)));
        }
    });
    for (auto& place : places) {
        pool.destroy(place.exchange(nullptr));
    }
    CHECK(bead::alive == 0);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("a chain of objects that own each other is destroyed with its pool, each of them once") {
    {
        concurrent_object_pool<bead> pool({.capacity = 100, .threads = 1});
        chain = &pool;
        bead* last = pool.create(bead::owned(nullptr, destroy_bead));
        for (int i = 0; i < 70; ++i) { // each owns one that comes later in the pool
            bead* const next = pool.create(bead::owned(nullptr, destroy_bead));
            last->next.reset(next);
            last = next;
        }
    }
    CHECK(bead::alive == 0);
}

TEST_CASE(
    "objects of one cache line lie on their own lines and over-aligned ones where they must") {
    struct alignas(256) wide {
        std::byte bytes[256];
    };

    concurrent_object_pool<wide> pool({.capacity = 10});
    std::vector<wide*> objects;
    while (wide* const made = pool.try_create()) {
        CHECK(reinterpret_cast<std::uintptr_t>(made) % 256 == 0);
        CHECK(pool.owns(made));
        objects.push_back(made);
    }
    CHECK(objects.size() >= 10);
    for (wide* const object : objects) {
        pool.destroy(object);
    }
    CHECK_SOUND(pool);
}
