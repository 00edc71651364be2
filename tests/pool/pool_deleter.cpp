// SPDX-License-Identifier: MIT
/// \file
/// Unique owners of a pool's objects: pool/pool_deleter.hpp and `unique` of every pool.

#include "millpond/pool/pool_deleter.hpp"

#include "millpond/millpond.hpp"

#include <memory>
#include <type_traits>
#include <utility>

#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_object_pool;
using millpond::object_pool;
using millpond::pool_deleter;
using millpond::recycling_pool;
using millpond::static_object_pool;

namespace {

/// Owns the next of its chain by the owner type of its own pool.
struct chain_link {
    object_pool<chain_link>::unique next;
    int number = 0;
};

struct shared_link {
    concurrent_object_pool<shared_link>::unique next;
    int number = 0;
};

struct static_link;
using static_links = static_object_pool<static_link, 100>;

struct static_link {
    std::unique_ptr<static_link, pool_deleter<static_links>> next;
    int number = 0;
};

static_assert(std::is_same_v<static_links::unique, decltype(static_link::next)>);

/// May have another object of its own kind on loan.
struct borrower {
    recycling_pool<borrower>::lease other;
};

/// A tree whose branches lie in pools of their own.
struct branch {
    branch()
        : children({.capacity = 2}) {}

    millpond::handle_pool<branch> children;
};

/// Owns a pool of its own kind.
struct grove {
    std::unique_ptr<object_pool<grove>> trees;
};

template <class Pool>
int number_of_last(Pool& pool, int length) {
    typename Pool::unique first = pool.make_unique();
    auto* last = first.get();
    for (int i = 1; i < length; ++i) {
        last->next = pool.make_unique();
        last = last->next.get();
        last->number = i;
    }
    return last->number;
}

} // namespace

TEST_CASE("an object may own the next one by the owner type of their own pool") {
    object_pool<chain_link> pool({.capacity = 100});
    CHECK(number_of_last(pool, 100) == 99);
    CHECK(pool.size() == 0);
    CHECK_SOUND(pool);
    concurrent_object_pool<shared_link> shared({.capacity = 100, .threads = 2});
    CHECK(number_of_last(shared, 100) == 99);
    CHECK(shared.size_estimate() == 0);
    static_links own;
    CHECK(number_of_last(own, 100) == 99);
    CHECK(own.size() == 0);
    CHECK_SOUND(own);
}

TEST_CASE("an object may hold a lease of another object of its own pool") {
    recycling_pool<borrower> pool({.capacity = 10});
    {
        const auto first = pool.acquire();
        first->other = pool.acquire();
        CHECK(pool.size_estimate() == 2);
        first->other.release();
    }
    CHECK(pool.size_estimate() == 0);
}

TEST_CASE("a type may have a pool of its own kind as a member") {
    branch root;
    branch* const child = root.children.get(root.children.create());
    REQUIRE(child != nullptr);
    CHECK(child->children.get(child->children.create()) != nullptr);
    CHECK(root.children.size() == 1);
    object_pool<grove> groves({.capacity = 1});
    grove* const outer = groves.create();
    outer->trees =
        std::make_unique<object_pool<grove>>(millpond::object_pool_options{.capacity = 1});
    CHECK(outer->trees->create() != nullptr);
}

TEST_CASE("an owner without an object needs no pool") {
    object_pool<chain_link>::unique empty;
    empty.reset();
    CHECK(empty == nullptr);
    object_pool<chain_link> pool({.capacity = 1});
    empty = pool.make_unique();
    CHECK(pool.size() == 1);
    empty = nullptr;
    CHECK(pool.size() == 0);
}

TEST_CASE("a unique owner is as large as two pointers and becomes a shared one") {
    CHECK(sizeof(object_pool<int>::unique) == 2 * sizeof(void*));
    object_pool<int> pool({.capacity = 1});
    std::shared_ptr<int> shared = pool.make_unique(7);
    CHECK(*shared == 7);
    CHECK(pool.size() == 1);
    shared.reset();
    CHECK(pool.size() == 0);
}
