// SPDX-License-Identifier: MIT
/// \file
/// Pool names: base/name.hpp.

#include "millpond/base/name.hpp"

#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/static_pool.hpp"

#include <string>

#include <doctest/doctest.h>

TEST_CASE("a name of 31 characters is kept whole and a longer one is cut") {
    const std::string longest(31, 'n');
    CHECK(millpond::pool_name(longest.c_str()).c_str() == longest);
    CHECK(millpond::pool_name((longest + "x").c_str()).c_str() == longest);
}

TEST_CASE("a pool without a name calls itself unnamed") {
    CHECK(std::string(millpond::pool_name().c_str()) == "unnamed");
    CHECK(std::string(millpond::pool_name("").c_str()) == "unnamed");
    CHECK(std::string(millpond::pool_name(nullptr).c_str()) == "unnamed");
    const millpond::block_pool pool({.block_bytes = 8, .capacity = 1});
    CHECK(std::string(pool.name()) == "unnamed");
}

TEST_CASE("a pool keeps its name after the text it was given is gone") {
    std::string text = "packets";
    const millpond::block_pool pool({.name = text.c_str(), .block_bytes = 8, .capacity = 1});
    text.assign(text.size(), 'x');
    CHECK(std::string(pool.name()) == "packets");
}

TEST_CASE("a static pool can be named at compile time") {
    static constinit millpond::static_block_pool<16, 4> pool(millpond::pool_name("small"));
    CHECK(std::string(pool.name()) == "small");
}
