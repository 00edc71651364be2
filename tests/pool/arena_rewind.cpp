// SPDX-License-Identifier: MIT
/// \file
/// Marks, rewinds, and the destructors that they run: pool/arena.hpp.

#include "millpond/pool/arena.hpp"

#include <array>
#include <csignal>
#include <cstring>
#include <stdexcept>
#include <string>
#include <vector>

#include "arena_objects.hpp"
#include "child.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::arena;
using millpond::test::destroyed;
using millpond::test::element;
using millpond::test::noted;
using millpond::test::object;

namespace {

using numbers = std::vector<int>;

/// Nothing was destroyed so far.
struct empty_log {
    empty_log() { destroyed.clear(); }
};

/// The numbers that were noted since the last call.
numbers since_last() {
    numbers result;
    result.swap(destroyed);
    return result;
}

/// Makes others in its constructor, and uses them in its destructor.
struct parent {
    parent(arena& home, int n)
        : first(home.create<object>(10 * n + 1))
        , number(n) {
        inside = home.mark();
        second = home.create<object>(10 * n + 2);
    }

    parent(const parent&) = delete;
    parent& operator=(const parent&) = delete;

    ~parent() {
        CHECK(first->number == 10 * number + 1);
        CHECK(second->number == 10 * number + 2);
        destroyed.push_back(number);
    }

    object* first;
    object* second = nullptr;
    int number;
    static inline arena::mark_type inside;
};

/// Throws when it has made an object of its own.
struct failing {
    explicit failing(arena& home, int n) {
        (void)home.create<object>(n);
        (void)home.allocate(100);
        throw std::runtime_error("broken");
    }
};

/// Does something with its arena when it is destroyed.
template <class Action>
struct acting {
    acting(arena& where, Action what)
        : home(&where)
        , action(what) {}

    acting(const acting&) = delete;
    acting& operator=(const acting&) = delete;

    ~acting() { action(*home); }

    arena* home;
    Action action;
};

template <class Action>
void create_acting(arena& home, Action action) {
    (void)home.create<acting<Action>>(home, action);
}

/// How a program ends that does this to an arena named "scratch".
template <class Body>
std::string last_words(Body body) {
    const auto result = millpond::test::run_in_child([&] {
        arena home({.name = "scratch", .capacity = 10'000});
        body(home);
    });
    CHECK(result.signal == SIGABRT);
    CHECK(result.error_output.starts_with("millpond: pool 'scratch': "));
    return result.error_output;
}

const char* const stale = ": the arena was rewound past this mark before\n";

} // namespace

TEST_CASE_FIXTURE(
    empty_log, "a rewind destroys what was created since its mark from the newest to the oldest") {
    arena home({.capacity = 10'000});
    (void)home.create<object>(1);
    const auto here = home.mark();
    (void)home.create<object>(2);
    (void)home.allocate(17, 1);
    (void)home.create<noted<100, 64>>(3);
    (void)home.create<int>(7);
    (void)home.create<noted<1, 8>>(4);
    CHECK_SOUND(home);
    home.rewind(here);
    CHECK(since_last() == numbers{4, 3, 2});
    home.rewind(here);
    CHECK(since_last().empty());
    home.clear();
    CHECK(since_last() == numbers{1});
    CHECK(home.size() == 0);
    CHECK_SOUND(home);
}

TEST_CASE_FIXTURE(empty_log,
                  "an arena that dies destroys what is left from the newest to the oldest") {
    {
        arena home({.capacity = 10'000});
        for (int i = 1; i <= 5; ++i) {
            (void)home.create<object>(i);
        }
    }
    CHECK(since_last() == numbers{5, 4, 3, 2, 1});
}

TEST_CASE_FIXTURE(empty_log,
                  "an array is destroyed in its turn and from its last element to its first") {
    arena home({.capacity = 10'000});
    element::next = 2;
    (void)home.create<object>(1);
    CHECK(home.make_array<element>(3).size() == 3);
    (void)home.create<object>(5);
    home.clear();
    CHECK(since_last() == numbers{5, 4, 3, 2, 1});
}

TEST_CASE_FIXTURE(empty_log, "a rewind gives back exactly what was taken since its mark") {
    arena home({.capacity = 10'000});
    (void)home.allocate(13, 1);
    const auto here = home.mark();
    const void* const raw = home.allocate(5, 1);
    const object* const made = home.create<object>(1);
    for (int round = 0; round < 100; ++round) {
        home.rewind(here);
        REQUIRE(home.size() == 13);
        REQUIRE(home.allocate(5, 1) == raw);
        REQUIRE(home.create<object>(1) == made);
    }
    home.clear();
    (void)since_last();
}

TEST_CASE_FIXTURE(empty_log, "scopes inside each other end where they began") {
    arena home({.capacity = 10'000});
    {
        const arena::scope outer(home);
        (void)home.create<object>(1);
        for (int i = 0; i < 20; ++i) {
            const arena::scope inner(home);
            (void)home.create<object>(i);
            CHECK(home.size() == 2 * (16 + sizeof(object)));
        }
        CHECK(since_last().size() == 20);
        CHECK(home.size() == 16 + sizeof(object));
    }
    CHECK(since_last() == numbers{1});
    CHECK(home.size() == 0);
}

TEST_CASE_FIXTURE(empty_log, "a constructor that throws leaves the arena as it was") {
    arena home({.capacity = 10'000});
    (void)home.create<object>(1);
    (void)home.allocate(3, 1);
    const std::size_t size = home.size();
    for (int round = 0; round < 3; ++round) {
        CHECK_THROWS_WITH_AS((void)home.create<failing>(home, 7), "broken", std::runtime_error);
        CHECK_THROWS_WITH_AS((void)home.try_create<failing>(home, 8), "broken", std::runtime_error);
        CHECK(since_last() == numbers{7, 8}); // what they had made themselves
        CHECK(home.size() == size);
    }
    element::next = 10;
    element::throws_at = 13;
    CHECK_THROWS_WITH_AS((void)home.make_array<element>(5), "broken element", std::runtime_error);
    element::throws_at = -1;
    CHECK(since_last().size() == 3);
    CHECK(home.size() == size);
    CHECK_SOUND(home);
    home.clear();
    CHECK(since_last() == numbers{1});
}

TEST_CASE_FIXTURE(empty_log, "an object made in a constructor outlives the object that made it") {
    arena home({.capacity = 10'000});
    (void)home.create<parent>(home, 1);
    (void)home.create<parent>(home, 2);
    CHECK_SOUND(home);
    home.clear();
    CHECK(since_last() == numbers{2, 22, 21, 1, 12, 11});
}

TEST_CASE_FIXTURE(
    empty_log, "a rewind to a mark of a constructor destroys the object that was completed since") {
    arena home({.capacity = 10'000});
    (void)home.create<object>(5);
    (void)home.create<parent>(home, 1);
    const std::size_t size = home.size();
    home.rewind(parent::inside);
    CHECK(since_last() == numbers{1, 12});
    CHECK(home.size() < size);
    CHECK_SOUND(home);
    home.clear();
    CHECK(since_last() == numbers{11, 5});
}

TEST_CASE_FIXTURE(empty_log,
                  "what a destructor makes lies beyond what is being destroyed and goes with it") {
    arena home({.capacity = 10'000});
    const auto here = home.mark();
    object* const oldest = home.create<object>(1);
    create_acting(home, [oldest](arena& own) {
        auto* const bytes = static_cast<char*>(own.allocate(500, 1));
        std::memset(bytes, 0xff, 500);
        CHECK(static_cast<void*>(bytes) > static_cast<void*>(oldest));
        (void)own.create<object>(3);
        const arena::scope inner(own);
        (void)own.create<object>(2);
    });
    create_acting(home, [oldest](arena&) { CHECK(oldest->number == 1); });
    home.rewind(here);
    CHECK(since_last() == numbers{2, 3, 1});
    CHECK(home.size() == 0);
    CHECK(home.high_water() > 500);
    CHECK_SOUND(home);
}

TEST_CASE_FIXTURE(
    empty_log, "a free by a destructor takes nothing from beneath what is still to be destroyed") {
    arena home({.capacity = 10'000});
    const auto here = home.mark();
    void* block = nullptr;
    create_acting(home, [&block](arena& own) {
        own.deallocate(block, 100);
        const arena::scope inner(own);
        std::memset(own.allocate(200, 1), 0xff, 200);
    });
    block = home.allocate(100, 1);
    home.rewind(here);
    CHECK(home.size() == 0);
    CHECK_SOUND(home);
}

TEST_CASE_FIXTURE(empty_log,
                  "a destructor that rewinds past what is being destroyed stops the program") {
    const char* const reason = ": by a destructor that a rewind runs, past what it destroys\n";
    CHECK(last_words([](arena& home) {
              create_acting(home, [](arena& own) { own.clear(); });
              home.clear();
          }).ends_with(reason));
    CHECK(last_words([](arena& home) {
              const auto here = home.mark();
              create_acting(home, [here](arena& own) { own.rewind(here); });
              (void)home.allocate(1);
              home.clear();
          }).ends_with(reason));
}

TEST_CASE_FIXTURE(empty_log, "a mark of another arena stops the program") {
    CHECK(last_words([](arena& home) {
              arena other({.name = "other", .capacity = 100});
              home.rewind(other.mark());
          }).ends_with(": a mark of another arena\n"));
    CHECK(last_words([](arena& home) {
              home.rewind(arena::mark_type());
          }).ends_with(": a mark of another arena\n"));
}

TEST_CASE_FIXTURE(empty_log, "a mark that lies beyond the top stops the program") {
    CHECK(last_words([](arena& home) {
              (void)home.allocate(10);
              const auto later = home.mark();
              home.clear();
              home.rewind(later);
          }).ends_with(stale));
}

TEST_CASE_FIXTURE(
    empty_log,
    "a mark that was rewound past stops the program when the arena has passed it again") {
    CHECK(last_words([](arena& home) {
              (void)home.allocate(10);
              const auto later = home.mark();
              home.clear();
              (void)home.allocate(100);
              home.rewind(later);
          }).ends_with(stale));
    CHECK(last_words([](arena& home) { // once to the start, then often to where it does not matter
              (void)home.allocate(10);
              const auto later = home.mark();
              home.clear();
              (void)home.allocate(100);
              for (int i = 0; i < 50; ++i) {
                  {
                      const arena::scope inner(home);
                      (void)home.allocate(5);
                  }
                  (void)home.allocate(2);
              }
              home.rewind(later);
          })
              .ends_with(stale));
}

TEST_CASE_FIXTURE(empty_log, "a scope that ends after a scope around it stops the program") {
    CHECK(last_words([](arena& home) {
              auto* const outer = new arena::scope(home);
              (void)home.allocate(10);
              auto* const inner = new arena::scope(home);
              (void)home.allocate(10);
              delete outer;
              (void)home.allocate(100);
              delete inner;
          }).ends_with(stale));
}

TEST_CASE_FIXTURE(empty_log, "a constructor that rewinds past its own object stops the program") {
    struct selfish {
        selfish(arena& home, const arena::mark_type& before) {
            home.rewind(before);
            (void)home.allocate(1000);
        }

        ~selfish() { destroyed.push_back(1); } // NOLINT: only the destructor matters
    };

    CHECK(last_words([](arena& home) {
              const auto before = home.mark();
              (void)home.allocate(8);
              (void)home.create<selfish>(home, before);
          }).ends_with(": its constructor rewound the arena past it\n"));
}

TEST_CASE_FIXTURE(
    empty_log, "a write that reaches the record of a destructor is seen at any byte of its link") {
    for (std::size_t byte = 0; byte < 8; ++byte) {
        for (const char value : {'\0', '\x01', 'x', '\xff'}) {
            const auto result = millpond::test::run_in_child([&] {
                arena home({.name = "scratch", .capacity = 10'000});
                (void)home.create<object>(1);
                object* const made = home.create<object>(2);
                char* const record = reinterpret_cast<char*>(made) - 16;
                millpond::detail::unpoison_as_it_was(record, 16); // as if nothing watched
                if (record[byte] == value) {
                    _exit(77); // nothing changes
                }
                record[byte] = value;
                if (home.verify()) {
                    _exit(3);
                }
                home.clear();
            });
            if (result.code != 77) {
                REQUIRE(result.signal == SIGABRT);
                REQUIRE(result.error_output.ends_with(
                    ": the record of its destructor was overwritten\n"));
            }
        }
    }
}

TEST_CASE_FIXTURE(
    empty_log,
    "a scope that outlives its arena stops the program while the arena's memory is there") {
    const auto result = millpond::test::run_in_child([] {
        alignas(arena) static std::array<std::byte, sizeof(arena)> place{};
        auto* const home = ::new (place.data()) arena({.name = "scratch", .capacity = 100});
        const arena::scope late(*home);
        home->~arena();
    });
    CHECK(result.signal == SIGABRT);
    CHECK(result.error_output.ends_with(": the pool is destroyed\n"));
}
