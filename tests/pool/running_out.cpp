// SPDX-License-Identifier: MIT
/// \file
/// Each call of a pool for one thread that can come back empty-handed has a form that says so without
/// throwing, and leaves everything as it was.

#include "millpond/millpond.hpp"

#include <cstddef>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "counted.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::test::counted;

namespace {

/// Its constructor throws when asked to.
struct moody {
    explicit moody(bool throws) {
        if (throws) {
            throw std::runtime_error("moody");
        }
    }
};

/// Checks `try_reserve` of a pool with a maximum of 5,000 of something.
template <class Pool>
void check_try_reserve(Pool& pool) {
    static_assert(noexcept(pool.try_reserve(1)));
    CHECK(pool.try_reserve(5'000));
    CHECK(pool.capacity() >= 5'000);
    CHECK_FALSE(pool.try_reserve(5'001));
    CHECK_FALSE(pool.try_reserve(~std::size_t{0}));
    CHECK_THROWS_AS(pool.reserve(5'001), millpond::pool_exhausted);
    CHECK(pool.try_reserve(0));
}

} // namespace

TEST_CASE("try_reserve reserves, or says that it cannot, in every pool that grows") {
    millpond::block_pool blocks({.block_bytes = 16, .capacity = 10, .max_capacity = 5'000});
    check_try_reserve(blocks);
    CHECK_SOUND(blocks);
    millpond::object_pool<counted> objects({.capacity = 10, .max_capacity = 5'000});
    check_try_reserve(objects);
    CHECK_SOUND(objects);
    millpond::handle_pool<int> handles({.capacity = 10, .max_capacity = 5'000});
    check_try_reserve(handles);
    CHECK(handles.verify());
    millpond::arena bytes({.capacity = 10, .max_capacity = 5'000});
    check_try_reserve(bytes);
    CHECK(bytes.verify());
}

TEST_CASE("try_reserve of a pool with shared owners makes room for their control blocks too") {
    millpond::object_pool<counted> pool({.capacity = 10, .max_capacity = 5'000});
    pool.reserve_shared();
    CHECK(pool.try_reserve(3'000));
    CHECK(pool.shared_stats().capacity >= 3'000);
    CHECK_FALSE(pool.try_reserve(5'001));
    CHECK_SOUND(pool);
}

TEST_CASE("try_make_unique gives an owner, or an empty one when the pool is full") {
    millpond::object_pool<counted> pool({.capacity = 2});
    millpond::static_object_pool<counted, 2> fixed;
    const auto check = [](auto& from) {
        static_assert(!noexcept(from.try_make_unique(1))); // as its constructor
        auto first = from.try_make_unique(1);
        auto second = from.try_make_unique(2);
        CHECK(first->value == 1);
        CHECK(second->value == 2);
        CHECK(from.try_make_unique(3) == nullptr);
        first.reset();
        CHECK(from.try_make_unique(3) != nullptr);
        CHECK(from.size() == 1);
    };
    check(pool);
    check(fixed);
    millpond::object_pool<int> numbers({.capacity = 1});
    static_assert(noexcept(numbers.try_make_unique(1)));
    CHECK(counted::alive == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("try_make_shared gives an owner, or an empty one when there is no room for the object") {
    millpond::object_pool<counted> pool({.capacity = 2});
    std::vector<std::shared_ptr<counted>> owners;
    owners.push_back(pool.try_make_shared(1));
    owners.push_back(pool.try_make_shared(2));
    CHECK(owners[1]->value == 2);
    CHECK(pool.try_make_shared(3) == nullptr);
    CHECK(pool.size() == 2);
    owners.clear();
    CHECK(pool.try_make_shared(3) != nullptr);
    CHECK(counted::alive == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("try_make_shared gives an empty owner when weak pointers hold all control blocks") {
    millpond::object_pool<counted> pool({.capacity = 2});
    std::vector<std::weak_ptr<counted>> watchers;
    for (int i = 0; i < 2; ++i) {
        watchers.emplace_back(pool.try_make_shared(i));
    }
    CHECK(pool.size() == 0);
    CHECK(pool.try_make_shared(3) == nullptr);
    CHECK(pool.size() == 0);
    CHECK(counted::alive == 0);
    watchers.pop_back();
    CHECK(pool.try_make_shared(3) != nullptr);
    CHECK_SOUND(pool);
}

TEST_CASE("what a constructor throws passes through the forms that do not throw themselves") {
    millpond::object_pool<moody> pool({.capacity = 1});
    CHECK_THROWS_AS((void)pool.try_make_unique(true), std::runtime_error);
    CHECK_THROWS_AS((void)pool.try_make_shared(true), std::runtime_error);
    CHECK(pool.size() == 0);
    CHECK(pool.shared_stats().live == 0);
    CHECK(pool.try_make_shared(false) != nullptr);
    CHECK_SOUND(pool);
}
