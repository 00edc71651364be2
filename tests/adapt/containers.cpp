// SPDX-License-Identifier: MIT
/// \file
/// Containers over resources do what containers over the heap do, step by step, and give everything back.

#include "millpond/adapt/concurrent_pool_resource.hpp"
#include "millpond/adapt/pool_allocator.hpp"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <forward_list>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "support/sanitized.hpp"
#include <doctest/doctest.h>

#if __has_include(<boost/container/flat_map.hpp>) && __has_include(<boost/container/list.hpp>)
#    include <boost/container/flat_map.hpp>
#    include <boost/container/list.hpp>
#    include <boost/container/map.hpp>
#    define MILLPOND_TEST_BOOST_CONTAINERS 1
#else
#    define MILLPOND_TEST_BOOST_CONTAINERS 0
#    include "support/skip.hpp"
#endif

using millpond::concurrent_pool_resource;
using millpond::pool_allocator;
using millpond::pool_resource;

namespace {

/// What a step does, as random numbers: the same for both containers.
struct step {
    unsigned what;
    unsigned where;
    unsigned value;
};

template <class Container>
auto place_in(Container& container, unsigned where) {
    const auto limit = static_cast<unsigned>(container.size()) + 1;
    return std::next(container.begin(), static_cast<std::ptrdiff_t>(where % limit));
}

template <class Container>
void apply_to_sequence(Container& container, const step& now) {
    using value_type = typename Container::value_type;
    const auto value = static_cast<value_type>(now.value % 100);
    switch (now.what % 16) {
    case 0:
        container.erase(place_in(container, now.where), container.end());
        break;
    case 1:
        container.resize(now.where % 200, value);
        break;
    case 2:
        container.insert(place_in(container, now.where), now.value % 40, value);
        break;
    case 3: {
        Container copy(container);
        copy.push_back(value);
        container = std::move(copy);
        break;
    }
    case 4: {
        Container other(container.get_allocator());
        other.push_back(value);
        std::swap(container, other);
        container.insert(container.end(), other.begin(), other.end());
        break;
    }
    case 5:
        container.assign(now.where % 50, value);
        break;
    case 6:
    case 7:
    case 8:
        if (!container.empty()) {
            container.erase(std::next(container.begin(), now.where % std::ssize(container)));
        }
        break;
    default:
        container.insert(place_in(container, now.where), value);
    }
}

template <class Container>
void apply_to_forward_list(Container& container, const step& now) {
    const auto size = std::distance(container.begin(), container.end());
    const auto place = std::next(container.before_begin(), now.where % (size + 1));
    switch (now.what % 8) {
    case 0:
        container.resize(now.where % 100);
        break;
    case 1:
        container.sort();
        container.unique();
        break;
    case 2:
        container.reverse();
        break;
    case 3:
        if (std::next(place) != container.end()) {
            container.erase_after(place);
        }
        break;
    default:
        container.insert_after(place, static_cast<int>(now.value % 100));
    }
}

/// Maps, sets, and all their kin.
template <class Container>
void apply_to_associative(Container& container, const step& now) {
    using key = typename Container::key_type;
    const auto wanted = static_cast<key>(now.where % 300);
    const auto add = [&container](unsigned value) {
        if constexpr (std::is_same_v<typename Container::value_type, key>) {
            container.insert(static_cast<key>(value % 300));
        } else {
            container.emplace(static_cast<key>(value % 300), static_cast<int>(value));
        }
    };
    switch (now.what % 16) {
    case 0:
        container.clear();
        break;
    case 1: {
        Container copy(container);
        container.clear();
        container = copy;
        break;
    }
    case 2: {
        Container other(std::move(container));
        container = std::move(other);
        break;
    }
    case 3:
    case 4:
    case 5:
    case 6:
        container.erase(wanted);
        break;
    default:
        add(now.value);
    }
}

/// In an order that does not depend on the container.
template <class Container>
auto sorted(const Container& container) {
    using value_type = typename Container::value_type;
    if constexpr (requires { typename Container::mapped_type; }) {
        std::vector<std::pair<typename Container::key_type, int>> all(container.begin(),
                                                                      container.end());
        std::sort(all.begin(), all.end());
        return all;
    } else {
        return std::vector<value_type>(container.begin(), container.end());
    }
}

/// Does the same with a container over a resource and with one over the heap.
template <class Resource, class Pooled, class Plain, class Apply>
void compare(Apply apply) {
    Resource resource({.name = "containers"});
    std::mt19937 random(3);
    bool equal = true;
    {
        Pooled pooled(&resource);
        Plain plain;
        for (int i = 0; i < millpond::test::effort(1500, 800, 30); ++i) {
            const step now{static_cast<unsigned>(random()),
                           static_cast<unsigned>(random()),
                           static_cast<unsigned>(random())};
            apply(pooled, now);
            apply(plain, now);
            equal = equal && sorted(pooled) == sorted(plain);
            if (i % 100 == 99) {
                REQUIRE(resource.verify());
            }
        }
        CHECK(pooled.get_allocator().resource() == &resource);
    }
    CHECK(equal);
    CHECK(resource.stats().pools > 0);
    CHECK(resource.stats().bytes_live == 0);
    CHECK(resource.verify());
}

/// With the type of container as a template of the allocator.
template <class Resource, template <class> class Container, class Value, class Apply>
void compare_as(Apply apply) {
    compare<Resource, Container<pool_allocator<Value, Resource>>, Container<std::allocator<Value>>>(
        apply);
}

using entry = std::pair<const int, int>;

template <class A>
using list = std::list<int, A>;
template <class A>
using forward_list = std::forward_list<int, A>;
template <class A>
using vector = std::vector<int, A>;
template <class A>
using deque = std::deque<int, A>;
template <class A>
using string = std::basic_string<char, std::char_traits<char>, A>;
template <class A>
using map = std::map<int, int, std::less<>, A>;
template <class A>
using multimap = std::multimap<int, int, std::less<>, A>;
template <class A>
using set = std::set<int, std::less<>, A>;
template <class A>
using unordered_map = std::unordered_map<int, int, std::hash<int>, std::equal_to<>, A>;

constexpr auto sequence = [](auto& container, const step& now) {
    apply_to_sequence(container, now);
};
constexpr auto associative = [](auto& container, const step& now) {
    apply_to_associative(container, now);
};

} // namespace

TEST_CASE_TEMPLATE("sequences over a resource are what they are over the heap at every step",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    compare_as<Resource, list, int>(sequence);
    compare_as<Resource, vector, int>(sequence);
    compare_as<Resource, deque, int>(sequence);
    compare_as<Resource, string, char>(sequence);
    compare_as<Resource, forward_list, int>(
        [](auto& container, const step& now) { apply_to_forward_list(container, now); });
}

TEST_CASE_TEMPLATE("maps and sets over a resource are what they are over the heap at every step",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    compare_as<Resource, map, entry>(associative);
    compare_as<Resource, multimap, entry>(associative);
    compare_as<Resource, set, int>(associative);
    compare_as<Resource, unordered_map, entry>(associative);
}

#if MILLPOND_TEST_BOOST_CONTAINERS
namespace {

template <class A>
using boost_list = boost::container::list<int, A>;
template <class A>
using boost_map = boost::container::map<int, int, std::less<>, A>;
template <class A>
using boost_flat_map = boost::container::flat_map<int, int, std::less<>, A>;

} // namespace
#endif

TEST_CASE_TEMPLATE(
    "Boost's containers over a resource are what they are over the heap at every step",
    Resource,
    pool_resource,
    concurrent_pool_resource) {
#if MILLPOND_TEST_BOOST_CONTAINERS
    compare_as<Resource, boost_list, int>(sequence);
    compare_as<Resource, boost_map, entry>(associative);
    compare_as<Resource, boost_flat_map, std::pair<int, int>>(associative);
#else
    millpond::test::skip("Boost.Container is not there");
#endif
}
