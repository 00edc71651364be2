// SPDX-License-Identifier: MIT
/// \file
/// Running out: base/error.hpp.

#include "millpond/base/error.hpp"

#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/object_pool.hpp"
#include "millpond/pool/static_pool.hpp"

#include <cerrno>
#include <new>
#include <string>

#include <doctest/doctest.h>

namespace {

/// The text of the pool_exhausted that `action` throws; empty if it throws none.
template <class Action>
std::string exhaustion(Action action) {
    try {
        action();
    } catch (const millpond::pool_exhausted& error) {
        return error.what();
    }
    return {};
}

} // namespace

TEST_CASE("a full block pool throws an error that names the pool and its capacity and its peak") {
    millpond::block_pool pool({.name = "packets",
                               .block_bytes = 64,
                               .capacity = 3,
                               .leaks = millpond::leak_policy::ignore});
    for (int i = 0; i < 3; ++i) {
        (void)pool.allocate();
    }
    CHECK(exhaustion([&] { (void)pool.allocate(); }) ==
          "millpond: pool 'packets' is exhausted: capacity 3, peak 3");
    CHECK(pool.stats().failures == 1);
}

TEST_CASE("a full object pool throws the same error") {
    millpond::object_pool<int> pool({.name = "ints", .capacity = 2});
    (void)pool.create(1);
    (void)pool.create(2);
    CHECK(exhaustion([&] { (void)pool.create(3); }) ==
          "millpond: pool 'ints' is exhausted: capacity 2, peak 2");
    CHECK(exhaustion([&] { (void)pool.make_unique(3); }) != "");
}

TEST_CASE("full static pools throw the same error") {
    static constinit millpond::static_block_pool<8, 1> blocks(millpond::pool_name("raw"));
    (void)blocks.allocate();
    CHECK(exhaustion([&] { (void)blocks.allocate(); }) ==
          "millpond: pool 'raw' is exhausted: capacity 1, peak 1");
    static constinit millpond::static_object_pool<int, 1> objects(millpond::pool_name("typed"));
    (void)objects.create(1);
    CHECK(exhaustion([&] { (void)objects.create(2); }) ==
          "millpond: pool 'typed' is exhausted: capacity 1, peak 1");
}

TEST_CASE("running out can be caught as bad_alloc and carries its numbers") {
    millpond::object_pool<int> pool({.name = "ints", .capacity = 2});
    (void)pool.create(1);
    (void)pool.create(2);
    CHECK_THROWS_AS((void)pool.create(3), std::bad_alloc);
    try {
        (void)pool.create(3);
    } catch (const millpond::pool_exhausted& error) {
        CHECK(error.capacity() == 2);
        CHECK(error.high_water() == 2);
    }
}

TEST_CASE("the error says why growing was refused") {
    const millpond::pool_exhausted refused("packets", 10, 9, ENOMEM);
    CHECK(std::string(refused.what()) ==
          "millpond: pool 'packets' is exhausted: capacity 10, peak 9; growing was refused: "
          "Cannot allocate memory");
}

TEST_CASE("a figure that nobody has counted is not in the text") {
    using millpond::pool_exhausted;
    constexpr std::size_t nothing = pool_exhausted::not_counted;
    CHECK(std::string(pool_exhausted("p", 10, nothing, 0).what()) ==
          "millpond: pool 'p' is exhausted: capacity 10");
    const pool_exhausted bytes("p", millpond::bytes_wanted{7}, nothing, nothing, ENOMEM);
    CHECK(std::string(bytes.what()) ==
          "millpond: pool 'p' is exhausted: 7 bytes do not fit; growing was refused: "
          "Cannot allocate memory");
    CHECK(bytes.capacity() == nothing);
    CHECK(bytes.high_water() == nothing);
}

TEST_CASE("the longest name and the largest numbers fit into the text") {
    const std::string name(31, 'n');
    const millpond::pool_exhausted error(name.c_str(), 4294967294U, 4294967294U, ENOMEM);
    CHECK(std::string(error.what()).ends_with("Cannot allocate memory"));
}

TEST_CASE("try functions return nullptr at capacity and the pool stays sound") {
    millpond::object_pool<int> pool({.capacity = 1});
    int* const only = pool.try_create(1);
    REQUIRE(only != nullptr);
    CHECK(pool.try_create(2) == nullptr);
    CHECK(pool.try_create(2) == nullptr);
    CHECK(pool.stats().failures == 2);
    CHECK(bool(pool.verify()));
    pool.destroy(only);
    CHECK(pool.try_create(3) == only);
}
