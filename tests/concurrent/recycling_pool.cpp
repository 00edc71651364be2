// SPDX-License-Identifier: MIT
/// \file
/// Objects that stay built, on loan to any thread: pool/recycling_pool.hpp.

#include "millpond/pool/recycling_pool.hpp"

#include <array>
#include <atomic>
#include <csignal>
#include <memory>
#include <new>
#include <stdexcept>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

#include "crew.hpp"
#include "pool/child.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::recycling_pool;
using millpond::test::effort;
using millpond::test::run_together;

namespace {

/// Counts how often it is built and destroyed; its constructor throws when it is told to.
struct costly {
    static inline std::atomic<int> built = 0;
    static inline std::atomic<int> destroyed = 0;

    explicit costly(int value = 0) {
        if (value < 0) {
            throw std::runtime_error("bad");
        }
        first = value;
        ++built;
    }

    costly(const costly&) = delete;
    costly& operator=(const costly&) = delete;

    ~costly() { ++destroyed; }

    int first = 0;
    std::vector<int> contents;
    std::atomic<bool> lent = false;
};

void forget_counts() {
    costly::built = 0;
    costly::destroyed = 0;
}

/// Empties the contents, which keep their memory.
struct empty_it {
    void operator()(costly& object) const noexcept {
        object.contents.clear();
        ++*resets;
    }

    std::atomic<int>* resets;
};

using pool_of_costly = recycling_pool<costly, empty_it>;

static_assert(!std::is_copy_constructible_v<pool_of_costly::lease>);
static_assert(std::is_nothrow_move_constructible_v<pool_of_costly::lease>);

} // namespace

TEST_CASE("an object is built once and lent again as the reset hook left it") {
    forget_counts();
    std::atomic<int> resets = 0;
    {
        pool_of_costly pool({.capacity = 10}, empty_it{&resets});
        const costly* object = nullptr;
        for (int i = 0; i < 1'000; ++i) {
            auto lent = pool.acquire(7);
            CHECK((object == nullptr || object == lent.get()));
            object = lent.get();
            CHECK(lent->first == 7);
            CHECK(lent->contents.empty());
            CHECK((i == 0 || (*lent).contents.capacity() >= 100));
            lent->contents.assign(100, i);
        }
        CHECK(costly::built == 1);
        CHECK(resets == 1'000);
        CHECK_SOUND(pool);
        CHECK(costly::destroyed == 0);
    }
    CHECK(costly::destroyed == 1);
    CHECK(resets == 1'000);
}

TEST_CASE("all the capacity can be on loan at once, and what is too much is refused") {
    forget_counts();
    {
        recycling_pool<costly> pool({.name = "lent", .capacity = 70, .threads = 2});
        std::vector<recycling_pool<costly>::lease> leases;
        while (auto lent = pool.try_acquire()) {
            leases.push_back(std::move(lent));
        }
        CHECK(leases.size() == pool.stats().blocks);
        CHECK(leases.size() >= 70);
        CHECK_THROWS_AS((void)pool.acquire(), millpond::pool_exhausted);
        CHECK(pool.size_estimate() == leases.size());
        const int built = costly::built;
        CHECK(built == static_cast<int>(leases.size()));
        leases.pop_back();
        CHECK(bool(pool.try_acquire()));
        CHECK(costly::built == built);
        leases.clear();
        CHECK(pool.size_estimate() == 0);
        CHECK_SOUND(pool);
    }
    CHECK(costly::destroyed == costly::built);
}

TEST_CASE("a constructor that throws leaves its place free and unbuilt") {
    forget_counts();
    {
        recycling_pool<costly> pool({.capacity = 5, .threads = 1});
        for (int i = 0; i < 100; ++i) {
            CHECK_THROWS_AS((void)pool.acquire(-1), std::runtime_error);
            CHECK_THROWS_AS((void)pool.try_acquire(-1), std::runtime_error);
        }
        CHECK(pool.size_estimate() == 0);
        CHECK_SOUND(pool);
        CHECK(costly::built == 0);
        auto lent = pool.acquire(3);
        CHECK(lent->first == 3);
    }
    CHECK(costly::built == 1);
    CHECK(costly::destroyed == 1);
}

TEST_CASE("a lease moves and swaps and ends early, and its object goes back once") {
    std::atomic<int> resets = 0;
    pool_of_costly pool({.capacity = 10}, empty_it{&resets});
    pool_of_costly::lease first = pool.acquire(1);
    const costly* const object = first.get();
    pool_of_costly::lease second = std::move(first);
    CHECK_FALSE(bool(first)); // NOLINT(bugprone-use-after-move): this is the promise
    CHECK(second.get() == object);
    second = pool.acquire(2);
    CHECK(resets == 1);
    CHECK(second->first == 2);
    second.release();
    CHECK_FALSE(bool(second));
    second.release();
    CHECK(resets == 2);
    CHECK(pool.size_estimate() == 0);
    CHECK_SOUND(pool);
}

TEST_CASE("leases among threads lend an object to one at a time and build no more than there are") {
    forget_counts();
    std::atomic<int> resets = 0;
    {
        pool_of_costly pool({.capacity = 40, .threads = 3}, empty_it{&resets});
        std::atomic<bool> alone = true;
        std::atomic<int> had = 0;
        std::array<std::atomic<pool_of_costly::lease*>, 6> places{};
        run_together(4, [&](std::size_t self) {
            for (std::size_t step = 0; step < effort<std::size_t>(20'000, 3'000, 200); ++step) {
                auto lent = std::make_unique<pool_of_costly::lease>(pool.try_acquire());
                if (!*lent) {
                    continue;
                }
                ++had;
                alone = !(*lent)->lent.exchange(true) && (*lent)->contents.empty() && alone;
                (*lent)->contents.push_back(1);
                auto* const other = places[(step + self) % places.size()].exchange(lent.release());
                if (other != nullptr) {
                    (*other)->lent = false; // another thread's, and this one gives it back
                    delete other;
                }
            }
        });
        for (auto& place : places) {
            delete place.load();
        }
        CHECK(alone);
        CHECK(had > 0);
        CHECK(resets == had);
        CHECK(costly::built <= static_cast<int>(pool.stats().blocks));
        CHECK(pool.size_estimate() == 0);
        CHECK_SOUND(pool);
    }
    CHECK(costly::destroyed == costly::built);
}

TEST_CASE("a lease that outlives its pool is reported when the pool dies and stops the program") {
    const auto result = millpond::test::run_in_child([] {
        alignas(recycling_pool<int>) static std::array<std::byte, sizeof(recycling_pool<int>)>
            place;
        auto* pool = ::new (place.data()) recycling_pool<int>({.name = "gone", .capacity = 8});
        // The compiler is not to reason from the pool's death.
        asm volatile("" : "+r"(pool) : : "memory");
        auto lent = pool->acquire(1);
        std::destroy_at(pool);
        asm volatile("" : : "r"(pool) : "memory");
    });
    CHECK(result.signal == SIGABRT);
    CHECK(result.error_output.find(
              "millpond: pool 'gone': destroyed with 1 live block of 4 bytes\n") == 0);
    CHECK(result.error_output.find("the pool is destroyed\n") != std::string::npos);
}

TEST_CASE("the reset hook does not touch an object whose pool is gone") {
    struct write_it {
        void operator()(int& object) const noexcept { object = 0; }
    };

    const auto result = millpond::test::run_in_child([] {
        using pool_of_ints = recycling_pool<int, write_it>;
        alignas(pool_of_ints) static std::array<std::byte, sizeof(pool_of_ints)> place;
        auto* pool = ::new (place.data()) pool_of_ints({.name = "gone", .capacity = 8});
        asm volatile("" : "+r"(pool) : : "memory"); // as above
        auto lent = pool->acquire(1);
        std::destroy_at(pool);
        asm volatile("" : : "r"(pool) : "memory");
    });
    CHECK(result.signal == SIGABRT);
    CHECK(result.error_output.find("the pool is destroyed\n") != std::string::npos);
}
