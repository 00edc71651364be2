// SPDX-License-Identifier: MIT
/// \file
/// Handles by themselves: pool/handle.hpp.

#include "millpond/pool/handle.hpp"

#include <bit>
#include <compare>
#include <cstdint>
#include <memory>
#include <set>
#include <type_traits>
#include <unordered_set>

#include <doctest/doctest.h>

using millpond::handle;

namespace {

struct cat;
struct dog;

using cat_handle = handle<cat>;
using dog_handle = handle<dog>;

} // namespace

static_assert(sizeof(cat_handle) == 8);
static_assert(std::is_trivially_copyable_v<cat_handle>);
static_assert(std::is_nothrow_default_constructible_v<cat_handle>);
static_assert(!std::is_convertible_v<cat_handle, dog_handle>);
static_assert(!std::is_constructible_v<dog_handle, cat_handle>);
static_assert(!std::is_convertible_v<std::uint64_t, cat_handle>);
static_assert(!std::is_convertible_v<cat_handle, bool>);
static_assert(std::is_same_v<decltype(cat_handle() <=> cat_handle()), std::strong_ordering>);

TEST_CASE("a handle is null until it is given a value") {
    constexpr cat_handle null;
    CHECK(!null);
    CHECK(null.value() == 0);
    CHECK(cat_handle::from_value(1));
}

TEST_CASE("a handle keeps its value through an integer") {
    for (const std::uint64_t value : {0ULL, 1ULL, 0x0123456789abcdefULL, ~0ULL}) {
        CHECK(cat_handle::from_value(value).value() == value);
    }
}

TEST_CASE("handles are equal and ordered as their values are") {
    const auto low = cat_handle::from_value(5);
    const auto high = cat_handle::from_value(1ULL << 63);
    CHECK(low == cat_handle::from_value(5));
    CHECK(low != high);
    CHECK(low < high);
    CHECK(cat_handle() < low);
}

TEST_CASE("handles are keys of ordered and unordered sets") {
    std::set<cat_handle> ordered;
    std::unordered_set<cat_handle> hashed;
    for (std::uint64_t value = 0; value < 1000; ++value) {
        ordered.insert(cat_handle::from_value(value % 500));
        hashed.insert(cat_handle::from_value(value % 500));
    }
    CHECK(ordered.size() == 500);
    CHECK(hashed.size() == 500);
}

TEST_CASE("each bit of a handle changes about half of its hash's bits") {
    const std::hash<cat_handle> hash;
    int fewest = 64;
    int most = 0;
    for (int bit = 0; bit < 64; ++bit) {
        int changed = 0;
        for (std::uint64_t i = 0; i < 64; ++i) {
            const std::uint64_t value = i * 0x9e3779b97f4a7c15U;
            changed += std::popcount(hash(cat_handle::from_value(value)) ^
                                     hash(cat_handle::from_value(value ^ std::uint64_t{1} << bit)));
        }
        fewest = std::min(fewest, changed / 64);
        most = std::max(most, changed / 64);
    }
    CHECK(fewest >= 28);
    CHECK(most <= 36);
}

TEST_CASE("handles of neighbouring slots and of one slot's generations share few hash buckets") {
    const std::hash<cat_handle> hash;
    for (const int shift : {0, 20, 48}) { // the slot, a generation, the tag
        std::unordered_set<std::size_t> buckets;
        for (std::uint64_t i = 0; i < 256; ++i) {
            buckets.insert(hash(cat_handle::from_value(i << shift)) % 4096);
        }
        CHECK(buckets.size() > 230); // 248 are expected of a perfect mix
    }
}
