// SPDX-License-Identifier: MIT
/// \file
/// What a shared owner is, and what is left when there can be none: `make_shared` of
/// pool/object_pool.hpp, and pool/shared_owner.hpp.

#include "millpond/pool/object_pool.hpp"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <type_traits>
#include <vector>

#include "counted.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::object_pool;
using millpond::test::counted;
using millpond::test::live_controls;

namespace {

struct base_part {
    virtual ~base_part() = default;
    [[nodiscard]] virtual int number() const = 0;
};

struct derived_part final : base_part, std::enable_shared_from_this<derived_part> {
    explicit derived_part(int number)
        : own(number) {}

    [[nodiscard]] int number() const override { return own; }

    int own;
};

struct point {
    int x;
    int y;
};

struct alignas(256) page_line {
    char text[3];
};

/// Throws from the construction of the one that the counter names.
struct part {
    static inline int until_throw = 0;
    static inline int alive = 0;

    part() {
        if (until_throw-- == 0) {
            throw std::runtime_error("part");
        }
        ++alive;
    }

    part(const part&) = delete;
    part& operator=(const part&) = delete;

    ~part() { --alive; }
};

/// Has parts, and owns another of its kind that its constructor makes.
struct assembled {
    part first;
    std::shared_ptr<assembled> child;
    part last;

    assembled(object_pool<assembled>& pool, int depth)
        : child(depth == 0 ? nullptr : pool.make_shared(pool, depth - 1)) {}
};

} // namespace

static_assert(sizeof(object_pool<long>) ==
                  sizeof(millpond::detail::typed_pool<
                         long,
                         millpond::detail::pool_core<
                             millpond::detail::region_storage<millpond::detail::static_stride<8>>,
                             millpond::detail::magazine_places,
                             millpond::detail::block_use::objects>>) +
                      sizeof(void*),
              "a pool that shares nothing pays a pointer");
static_assert(std::is_nothrow_move_constructible_v<object_pool<counted>> &&
              std::is_nothrow_move_assignable_v<object_pool<counted>>);

TEST_CASE("a shared object lies in its pool and is destroyed once, when its last owner goes") {
    object_pool<counted> pool({.capacity = 10});
    std::shared_ptr<counted> first = pool.make_shared(1);
    const std::shared_ptr<counted> second = pool.make_shared(2);
    CHECK(pool.owns(first.get()));
    CHECK(pool.size() == 2);
    CHECK(live_controls(pool) == 2);
    int sum = 0;
    for (const counted& object : pool) {
        sum = sum * 10 + object.value;
    }
    CHECK(sum == 12); // in address order
    std::shared_ptr<const counted> copy = first;
    first.reset();
    CHECK(copy->value == 1);
    CHECK(counted::alive == 2);
    copy = second;
    CHECK(counted::alive == 1);
    CHECK(pool.size() == 1);
    CHECK(live_controls(pool) == 1);
    CHECK(pool.high_water() == 2);
    CHECK_SOUND(pool);
}

TEST_CASE("a weak pointer keeps a control block and nothing of the object") {
    object_pool<counted> pool({.capacity = 2});
    std::weak_ptr<counted> weak;
    {
        const auto owner = pool.make_shared(1);
        weak = owner;
        CHECK(weak.lock() == owner);
    }
    CHECK(weak.expired());
    CHECK(weak.lock() == nullptr);
    CHECK(counted::alive == 0);
    CHECK(pool.size() == 0);
    CHECK(live_controls(pool) == 1);
    weak.reset();
    CHECK(live_controls(pool) == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("owners of a base, of a member and from this share one control block") {
    object_pool<derived_part> pool({.capacity = 2});
    std::shared_ptr<const base_part> base;
    std::shared_ptr<int> member;
    {
        const std::shared_ptr<derived_part> whole = pool.make_shared(7);
        base = whole;
        member = std::shared_ptr<int>(whole, &whole->own);
        CHECK(whole->shared_from_this() == whole);
        CHECK(whole.use_count() == 3);
    }
    CHECK(base->number() == 7);
    base.reset();
    CHECK(*member == 7);
    CHECK(pool.size() == 1);
    CHECK(live_controls(pool) == 1);
    member.reset();
    CHECK(pool.size() == 0);
    CHECK(live_controls(pool) == 0);
}

TEST_CASE("aggregates and over-aligned objects and trivial ones can be shared") {
    object_pool<point> points({.capacity = 4});
    const auto made = points.make_shared(1, 2);
    CHECK(made->x + made->y == 3);
    object_pool<page_line> lines({.capacity = 4});
    for (int i = 0; i < 4; ++i) {
        CHECK(reinterpret_cast<std::uintptr_t>(lines.make_shared().get()) % 256 == 0);
    }
    object_pool<int> numbers({.capacity = 1});
    for (int i = 0; i < 10; ++i) {
        CHECK(*numbers.make_shared(i) == i);
    }
    CHECK(numbers.size() == 0);
    CHECK(live_controls(numbers) == 0);
}

TEST_CASE("a full pool throws with its own name, calls no constructor and loses nothing") {
    object_pool<counted> pool({.name = "orders", .capacity = 3});
    std::vector<std::shared_ptr<counted>> owners;
    for (int i = 0; i < 3; ++i) {
        owners.push_back(pool.make_shared(i));
    }
    for (int i = 0; i < 5; ++i) {
        CHECK_THROWS_WITH_AS((void)pool.make_shared(9),
                             "millpond: pool 'orders' is exhausted: capacity 3, peak 3",
                             millpond::pool_exhausted);
    }
    CHECK(counted::alive == 3);
    CHECK(live_controls(pool) == 3);
    owners.pop_back();
    owners.push_back(pool.make_shared(4));
    CHECK(owners.back()->value == 4);
    CHECK_SOUND(pool);
}

TEST_CASE("weak pointers that hold every control block make the next shared owner throw") {
    object_pool<counted> pool({.name = "orders", .capacity = 3});
    std::vector<std::weak_ptr<counted>> weak;
    for (int i = 0; i < 3; ++i) {
        weak.emplace_back(pool.make_shared(i));
    }
    CHECK(pool.size() == 0);
    for (int i = 0; i < 5; ++i) {
        CHECK_THROWS_WITH_AS((void)pool.make_shared(9),
                             "millpond: pool 'orders.shared' is exhausted: capacity 3, peak 3",
                             millpond::pool_exhausted);
    }
    CHECK(counted::alive == 0);
    CHECK(pool.size() == 0);
    counted* const plain = pool.create(1);
    CHECK(plain != nullptr);
    CHECK_SOUND(pool);
    weak.pop_back();
    CHECK(pool.make_shared(5)->value == 5);
    pool.destroy(plain);
}

TEST_CASE("the name of the control blocks' pool ends in shared however long the pool's is") {
    object_pool<int> pool({.name = "a name of thirty-one characters", .capacity = 1});
    const std::weak_ptr<int> weak = pool.make_shared(1);
    CHECK_THROWS_WITH_AS(
        (void)pool.make_shared(2),
        "millpond: pool 'a name of thirty-one cha.shared' is exhausted: capacity 1, peak 1",
        millpond::pool_exhausted);
}

TEST_CASE(
    "a constructor that throws at any point, inside others too, leaves both pools as they were") {
    for (const int depth : {0, 1, 5}) {
        object_pool<assembled> pool({.capacity = 6});
        int failures = 0;
        for (bool thrown = true; thrown; ++failures) {
            part::until_throw = failures;
            thrown = false;
            try {
                const auto whole = pool.make_shared(pool, depth);
                CHECK(part::alive == 2 * (depth + 1));
                CHECK(live_controls(pool) == static_cast<std::size_t>(depth) + 1);
            } catch (const std::runtime_error&) {
                thrown = true;
            }
            CHECK(part::alive == 0);
            CHECK(pool.size() == 0);
            CHECK(live_controls(pool) == 0);
            CHECK_SOUND(pool);
        }
        CHECK(failures == 2 * (depth + 1) + 1);
    }
}

TEST_CASE("a pool that is full in the middle of a nested construction leaves nothing of it") {
    object_pool<assembled> pool({.capacity = 3});
    part::until_throw = -1;
    CHECK_THROWS_AS((void)pool.make_shared(pool, 3), millpond::pool_exhausted);
    CHECK(part::alive == 0);
    CHECK(pool.size() == 0);
    CHECK(live_controls(pool) == 0);
    CHECK(pool.make_shared(pool, 2) != nullptr);
    CHECK_SOUND(pool);
}
