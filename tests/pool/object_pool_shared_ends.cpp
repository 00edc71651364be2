// SPDX-License-Identifier: MIT
/// \file
/// How shared owners, their objects and their pool end, in whichever order: `make_shared` of
/// pool/object_pool.hpp, and pool/shared_owner.hpp.

#include "millpond/pool/object_pool.hpp"

#include <array>
#include <csignal>
#include <cstddef>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "child.hpp"
#include "counted.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::object_pool;
using millpond::test::counted;
using millpond::test::live_controls;

namespace {

/// Objects that own others of their pool, in whatever shape.
struct bead {
    static inline int alive = 0;

    bead() { ++alive; }

    bead(const bead&) = delete;
    bead& operator=(const bead&) = delete;

    ~bead() { --alive; }

    std::shared_ptr<bead> next;
    std::shared_ptr<bead> self;
    std::weak_ptr<bead> back;
};

/// What a child process says that stops.
template <class Body>
std::string last_words(Body body) {
    const auto result = millpond::test::run_in_child(body);
    return result.signal == SIGABRT ? result.error_output : "it did not stop";
}

} // namespace

TEST_CASE("shared owners follow their pool wherever it moves") {
    auto first = std::make_unique<object_pool<counted>>(
        millpond::object_pool_options{.name = "travelling", .capacity = 5});
    std::shared_ptr<counted> early = first->make_shared(1);
    std::shared_ptr<counted> late = first->make_shared(2);
    object_pool<counted> second(std::move(*first));
    // NOLINTNEXTLINE(bugprone-use-after-move): what a pool says after a move is the subject
    CHECK_THROWS_AS((void)first->make_shared(3), millpond::pool_exhausted);
    CHECK(first->shared_stats().live == 0);
    first.reset();
    early.reset();
    CHECK(second.size() == 1);
    CHECK(live_controls(second) == 1);
    object_pool<counted> third({.name = "third", .capacity = 50});
    { const auto gone = third.make_shared(4); }
    third = std::move(second);
    CHECK(late->value == 2);
    late.reset();
    CHECK(third.size() == 0);
    CHECK(live_controls(third) == 0);
    CHECK(third.make_shared(5)->value == 5);
    CHECK(counted::alive == 0);
    CHECK_SOUND(third);
}

TEST_CASE("an owner in a pool that is assigned to stops with the name of the pool that it had") {
    const std::string said = last_words([] {
        object_pool<counted> first({.name = "first", .capacity = 5});
        object_pool<counted> second({.name = "second", .capacity = 5});
        const auto kept = second.make_shared(2);
        const auto left = first.make_shared(1);
        first = std::move(second);
    });
    CHECK(said.starts_with("millpond: pool 'first': free of "));
    CHECK(said.ends_with(": the pool is destroyed\n"));
}

TEST_CASE("an owner that outlives its pool stops, even where another pool has the memory by then") {
    const std::string said = last_words([] {
        alignas(object_pool<counted>) static std::array<std::byte, sizeof(object_pool<counted>)>
            place;
        auto* const pool =
            ::new (place.data()) object_pool<counted>({.name = "old", .capacity = 5});
        std::shared_ptr<counted> owner = pool->make_shared(1);
        pool->~object_pool();
        auto* const next =
            ::new (place.data()) object_pool<counted>({.name = "new", .capacity = 5});
        (void)next->create(2);
        owner.reset();
    });
    CHECK(said.starts_with("millpond: pool 'old': free of "));
    CHECK(said.ends_with(": the pool is destroyed\n"));
}

TEST_CASE("an owner from before a clear stops, even when its block is somebody else's by then") {
    const std::string said = last_words([] {
        object_pool<counted> pool({.name = "cleared", .capacity = 1});
        std::shared_ptr<counted> old = pool.make_shared(1);
        pool.clear();
        const counted* const other = pool.create(2);
        if (other == old.get()) {
            old.reset();
        }
    });
    CHECK(said.starts_with("millpond: pool 'cleared': free of "));
    CHECK(said.ends_with(": the pool was cleared\n"));
}

TEST_CASE("an object that is destroyed under its owner stops when the owner goes") {
    const std::string said = last_words([] {
        object_pool<counted> pool({.name = "twice", .capacity = 3});
        const auto owner = pool.make_shared(1);
        pool.destroy(owner.get());
    });
    CHECK(said.starts_with("millpond: pool 'twice': free of "));
    CHECK(said.ends_with(": freed twice\n"));
}

TEST_CASE("weak pointers survive their pool, its clearing, and each other, in any thread") {
    std::vector<std::weak_ptr<counted>> weak;
    {
        object_pool<counted> pool({.capacity = 10});
        for (int i = 0; i < 10; ++i) {
            weak.emplace_back(pool.make_shared(i));
        }
        pool.clear();
        CHECK(live_controls(pool) == 10);
        weak.resize(9);
        const auto after = pool.make_shared(11);
        CHECK(after->value == 11);
        CHECK(live_controls(pool) == 10);
    }
    CHECK(counted::alive == 0);
    for (const auto& each : weak) {
        CHECK(each.expired());
    }
    const std::weak_ptr<counted> another = weak.front();
    weak.resize(5);
    std::thread([taken = std::move(weak)]() mutable { taken.clear(); }).join();
    CHECK(another.lock() == nullptr);
}

TEST_CASE("objects that own each other in a circle go with their pool, or when it is cleared") {
    for (const bool clearing : {false, true}) {
        object_pool<bead> pool({.capacity = 200});
        std::shared_ptr<bead> first = pool.make_shared();
        std::shared_ptr<bead> last = first;
        for (int i = 1; i < 100; ++i) {
            last->next = pool.make_shared();
            last->next->back = last;
            last = last->next;
        }
        last->next = first;
        first.reset();
        last.reset();
        CHECK(bead::alive == 100);
        if (clearing) {
            pool.clear();
            CHECK(bead::alive == 0);
            CHECK(pool.size() == 0);
            CHECK(live_controls(pool) == 0);
            CHECK_SOUND(pool);
            last = pool.make_shared();
        }
    }
    CHECK(bead::alive == 0);
}

TEST_CASE("chains of owners whose head owns itself go with their pool, whichever way they run") {
    for (const bool upwards : {false, true}) {
        object_pool<bead> pool({.capacity = 200});
        std::vector<std::shared_ptr<bead>> beads;
        for (int i = 0; i < 100; ++i) {
            beads.push_back(pool.make_shared());
        }
        for (std::size_t i = 0; i + 1 < beads.size(); ++i) {
            const auto& from = upwards ? beads[i] : beads[i + 1];
            const auto& to = upwards ? beads[i + 1] : beads[i];
            from->next = to;
            to->back = from;
        }
        const auto& head = upwards ? beads.front() : beads.back();
        head->self = head;
        beads.clear();
        CHECK(bead::alive == 100);
    }
    CHECK(bead::alive == 0);
}
