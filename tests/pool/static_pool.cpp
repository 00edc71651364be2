// SPDX-License-Identifier: MIT
/// \file
/// Pools inside themselves: pool/static_pool.hpp.

#include "millpond/pool/static_pool.hpp"

#include <cstdint>
#include <set>
#include <vector>

#include "sound.hpp"
#include <doctest/doctest.h>

namespace {

constinit millpond::static_block_pool<12, 5> twelve;
constinit millpond::static_object_pool<double, 70> doubles;

struct alignas(128) wide {
    char text[100];
};

constinit millpond::static_object_pool<wide, 3> wides;

/// Takes every block, gives every block back, twice; true when each time N distinct ones came.
template <std::size_t Bytes, std::size_t N>
bool serves_all() {
    static constinit millpond::static_block_pool<Bytes, N> pool;
    for (int round = 0; round < 2; ++round) {
        std::set<void*> blocks;
        while (void* const block = pool.try_allocate()) {
            blocks.insert(block);
        }
        if (blocks.size() != N || pool.size() != N || !pool.verify()) {
            return false;
        }
        for (void* const block : blocks) {
            pool.deallocate(block);
        }
        if (pool.size() != 0 || !pool.verify()) {
            return false;
        }
    }
    return true;
}

} // namespace

TEST_CASE("blocks of a static pool lie inside the pool object") {
    void* const block = twelve.allocate();
    CHECK(block >= static_cast<void*>(&twelve));
    CHECK(static_cast<char*>(block) + 12 <= reinterpret_cast<char*>(&twelve) + sizeof twelve);
    CHECK(twelve.owns(block));
    twelve.deallocate(block);
    CHECK_SOUND(twelve);
}

TEST_CASE("static pools of every awkward size serve all their blocks") {
    CHECK(serves_all<1, 1>());
    CHECK(serves_all<1, 2>());
    CHECK(serves_all<3, 63>());
    CHECK(serves_all<8, 64>());
    CHECK(serves_all<24, 65>());
    CHECK(serves_all<8, 255>());
    CHECK(serves_all<8, 256>());
    CHECK(serves_all<8, 257>());
    CHECK(serves_all<16, 4096>());
    CHECK(serves_all<16, 4097>());
    CHECK(serves_all<1, 262'145>());
}

TEST_CASE("a static pool says that its capacity is fixed and its memory its own") {
    static_assert(decltype(twelve)::capacity() == 5);
    static_assert(decltype(twelve)::block_bytes() == 12);
    static_assert(decltype(twelve)::block_alignment() == 4);
    const millpond::pool_stats now = twelve.stats();
    CHECK(now.capacity == 5);
    CHECK(now.max_capacity == 5);
    CHECK(now.bytes_committed <= sizeof twelve);
    CHECK(now.bytes_metadata < 64);
}

TEST_CASE("a static pool of an over-aligned type honours the alignment") {
    for (wide* object = wides.try_create(); object != nullptr; object = wides.try_create()) {
        CHECK(reinterpret_cast<std::uintptr_t>(object) % 128 == 0);
    }
    CHECK(wides.size() == 3);
    wides.clear();
    CHECK_SOUND(wides);
}

TEST_CASE("a static object pool creates and iterates and clears") {
    std::vector<double*> made;
    for (int i = 0; i < 70; ++i) {
        made.push_back(doubles.create(i));
    }
    CHECK(doubles.try_create(0.0) == nullptr);
    doubles.destroy(made[3]);
    double sum = 0;
    for (const double value : doubles) {
        sum += value;
    }
    CHECK(sum == 69.0 * 70 / 2 - 3);
    doubles.clear();
    CHECK(doubles.empty());
    CHECK(doubles.begin() == doubles.end());
    CHECK_SOUND(doubles);
}

TEST_CASE("a static pool destroys what is left when it dies") {
    static int alive = 0;

    struct counted {
        counted() { ++alive; }

        counted(const counted&) = delete;
        counted& operator=(const counted&) = delete;

        ~counted() { --alive; }
    };

    {
        millpond::static_object_pool<counted, 10> pool;
        for (int i = 0; i < 7; ++i) {
            (void)pool.create();
        }
        CHECK(alive == 7);
    }
    CHECK(alive == 0);
}
