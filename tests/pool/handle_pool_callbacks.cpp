// SPDX-License-Identifier: MIT
/// \file
/// What constructors, destructors and move constructors may do to the handle_pool that runs them.

#include "millpond/pool/handle_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

#include "handle_sound.hpp"
#include <doctest/doctest.h>

using millpond::handle;
using millpond::handle_pool;
using millpond::test::object_of;

namespace {

/// Calls what it was given when it is constructed, moved and destroyed; what was moved from does not.
struct talker {
    using word = void (*)(talker&);

    handle_pool<talker>* pool;
    int number;
    word when_moved = nullptr;
    word when_destroyed = nullptr;
    handle<talker> other{};
    static inline int destroyed = 0;

    talker(handle_pool<talker>& home, int which, word now = nullptr)
        : pool(&home)
        , number(which) {
        if (now != nullptr) {
            now(*this);
        }
    }

    talker(talker&& from) noexcept
        : pool(from.pool)
        , number(std::exchange(from.number, -1))
        , when_moved(from.when_moved)
        , when_destroyed(from.when_destroyed)
        , other(from.other) {
        if (when_moved != nullptr) {
            when_moved(*this);
        }
    }

    talker(const talker&) = delete;
    talker& operator=(const talker&) = delete;
    talker& operator=(talker&&) = delete;

    ~talker() {
        if (number == -1) {
            return;
        }
        ++destroyed;
        if (when_destroyed != nullptr) {
            when_destroyed(*this);
        }
    }
};

std::vector<int> numbers_in(const handle_pool<talker>& pool) {
    std::vector<int> numbers;
    numbers.reserve(pool.size());
    for (const talker& each : pool) {
        numbers.push_back(each.number);
    }
    std::sort(numbers.begin(), numbers.end());
    return numbers;
}

using numbers = std::vector<int>;

std::vector<handle<talker>> six_in(handle_pool<talker>& pool) {
    std::vector<handle<talker>> made(6);
    for (int i = 0; i < 6; ++i) {
        made[static_cast<std::size_t>(i)] = pool.create(pool, i);
    }
    return made;
}

} // namespace

TEST_CASE("a destructor may destroy another object and the last one fills both gaps") {
    for (const std::size_t other : {0U, 4U, 5U}) {
        handle_pool<talker> pool({.capacity = 10});
        const std::vector<handle<talker>> made = six_in(pool);
        object_of(pool, made[2]).other = made[other];
        object_of(pool, made[2]).when_destroyed = [](talker& me) {
            CHECK(me.pool->destroy(me.other));
        };
        CHECK(pool.destroy(made[2]));
        CHECK(pool.size() == 4);
        CHECK(!pool.contains(made[other]));
        CHECK_HANDLES_SOUND(pool);
    }
}

TEST_CASE("a destructor may create objects and find them by their handles at once") {
    handle_pool<talker> pool({.capacity = 10});
    const handle<talker> parent = pool.create(pool, 1);
    (void)pool.create(pool, 2);
    object_of(pool, parent).when_destroyed = [](talker& me) {
        const handle<talker> heir = me.pool->create(*me.pool, 3);
        CHECK(object_of(*me.pool, heir).number == 3);
        CHECK(numbers_in(*me.pool) == numbers{1, 2, 3}); // the dying one is there still
    };
    CHECK(pool.destroy(parent));
    CHECK(numbers_in(pool) == numbers{2, 3});
    CHECK_HANDLES_SOUND(pool);
}

TEST_CASE("objects whose destructors destroy each other or themselves are destroyed once") {
    handle_pool<talker> pool({.capacity = 10});
    talker::destroyed = 0;
    const auto destroy_other = [](talker& me) { me.pool->destroy(me.other); };
    const handle<talker> one = pool.create(pool, 1);
    const handle<talker> two = pool.create(pool, 2);
    const handle<talker> selfish = pool.create(pool, 3);
    for (const auto& [named, other] : {std::pair{one, two}, {two, one}, {selfish, selfish}}) {
        object_of(pool, named).other = other;
        object_of(pool, named).when_destroyed = destroy_other;
    }
    CHECK(pool.destroy(one));
    CHECK(pool.destroy(selfish));
    CHECK(talker::destroyed == 3);
    CHECK(pool.empty());
    CHECK_HANDLES_SOUND(pool);
}

TEST_CASE(
    "an object learns its handle while it is made and moved and destroyed but is not found by it") {
    static handle<talker> told;
    handle_pool<talker> pool({.capacity = 10});
    const auto tell = [](talker& me) {
        told = me.pool->handle_of(me);
        CHECK(me.pool->get(told) == nullptr);
        CHECK(!me.pool->contains(told));
        CHECK(!me.pool->destroy(told));
    };
    const handle<talker> first = pool.create(pool, 1);
    const handle<talker> named = pool.create(pool, 2, tell);
    CHECK(told == named);
    object_of(pool, named).when_moved = tell;
    object_of(pool, named).when_destroyed = tell;
    told = {};
    CHECK(pool.destroy(first));
    CHECK(told == named);
    CHECK(object_of(pool, named).number == 2);
    told = {};
    CHECK(pool.destroy(named));
    CHECK(told == named);
}

TEST_CASE(
    "what a constructor creates is found at once and in the array when the constructor is done") {
    handle_pool<talker> pool({.capacity = 10});
    (void)pool.create(pool, 1);
    (void)pool.create(pool, 2, [](talker& me) {
        for (int i = 3; i < 6; ++i) {
            const handle<talker> child = me.pool->create(*me.pool, i);
            CHECK(object_of(*me.pool, child).number == i);
            CHECK(&object_of(*me.pool, child).number > &me.number); // behind its parent
            me.other = child;
        }
        CHECK(numbers_in(*me.pool) == numbers{1});
        CHECK(me.pool->destroy(me.other));
        CHECK(me.pool->verify());
    });
    CHECK(numbers_in(pool) == numbers{1, 2, 3, 4});
    CHECK_HANDLES_SOUND(pool);
}

TEST_CASE("a constructor may destroy what was there before and leaves no gap") {
    for (const bool all : {false, true}) {
        handle_pool<talker> pool({.capacity = 10});
        for (int i = 0; i < 5; ++i) {
            (void)pool.create(pool, i);
        }
        static bool clears;
        clears = all;
        const handle<talker> made = pool.create(pool, 5, [](talker& me) {
            if (clears) {
                me.pool->clear();
            } else {
                me.pool->destroy(me.pool->handle_of(*me.pool->begin()));
                me.pool->destroy(me.pool->handle_of(*me.pool->begin()));
            }
            (void)me.pool->create(*me.pool, 6);
        });
        CHECK(object_of(pool, made).number == 5);
        CHECK(numbers_in(pool) == (all ? numbers{5, 6} : numbers{1, 2, 3, 5, 6}));
        CHECK_HANDLES_SOUND(pool);
    }
}

TEST_CASE("a constructor that throws keeps what it has created and destroyed") {
    handle_pool<talker> pool({.capacity = 10});
    for (int i = 0; i < 3; ++i) {
        (void)pool.create(pool, i);
    }
    CHECK_THROWS_AS(pool.create(pool,
                                3,
                                [](talker& me) {
                                    (void)me.pool->create(*me.pool, 4);
                                    me.pool->destroy(me.pool->handle_of(*me.pool->begin()));
                                    throw std::runtime_error("no");
                                }),
                    std::runtime_error);
    CHECK(numbers_in(pool) == numbers{1, 2, 4});
    CHECK_HANDLES_SOUND(pool);
}

TEST_CASE("a move constructor may create and destroy and sees the objects before its own") {
    handle_pool<talker> pool({.capacity = 10});
    const std::vector<handle<talker>> made = six_in(pool);
    object_of(pool, made[5]).other = made[0];
    object_of(pool, made[5]).when_moved = [](talker& me) {
        CHECK(numbers_in(*me.pool) == numbers{0, 1, 2});
        me.when_moved = nullptr;
        me.pool->destroy(me.other);
        (void)me.pool->create(*me.pool, 6);
        CHECK(me.pool->verify());
    };
    CHECK(pool.destroy(made[3]));
    CHECK(numbers_in(pool) == numbers{1, 2, 4, 5, 6});
    CHECK(object_of(pool, made[5]).number == 5);
    CHECK_HANDLES_SOUND(pool);
}

TEST_CASE("a pool that dies destroys what its destructors create too") {
    talker::destroyed = 0;
    {
        handle_pool<talker> pool({.capacity = 10});
        for (int i = 0; i < 4; ++i) {
            const handle<talker> named = pool.create(pool, i);
            object_of(pool, named).when_destroyed = [](talker& me) {
                (void)me.pool->create(*me.pool, me.number + 10);
            };
        }
    }
    CHECK(talker::destroyed == 8);
}
