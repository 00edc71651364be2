// SPDX-License-Identifier: MIT
/// \file
/// The allocator over a resource: whose memory a container has after it was copied, moved and swapped,
/// rebinding, shared pointers, nested containers, and coroutine frames.

#include "millpond/adapt/pool_allocator.hpp"

#include "millpond/adapt/concurrent_pool_resource.hpp"

#include <cstddef>
#include <limits>
#include <list>
#include <map>
#include <memory>
#include <memory_resource>
#include <new>
#include <optional>
#include <scoped_allocator>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <doctest/doctest.h>

using millpond::concurrent_pool_allocator;
using millpond::concurrent_pool_resource;
using millpond::pool_allocator;
using millpond::pool_resource;

namespace {

template <class Resource>
using ints = std::vector<int, pool_allocator<int, Resource>>;

template <class Resource>
using int_list = std::list<int, pool_allocator<int, Resource>>;

template <class Resource>
std::size_t live(const Resource& resource) {
    return resource.stats().blocks_live + resource.stats().unpooled_live;
}

} // namespace

TEST_CASE_TEMPLATE("a copy is made in the resource of the original",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource resource;
    ints<Resource> original(std::size_t{100}, 7, &resource);
    const ints<Resource> copy(original);
    CHECK(copy.get_allocator().resource() == &resource);
    CHECK(live(resource) == 2);
    original.clear();
    CHECK(copy == ints<Resource>(std::size_t{100}, 7, &resource));
}

TEST_CASE_TEMPLATE("a container that is assigned to stays in its own resource",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource first;
    Resource second;
    ints<Resource> target(std::size_t{5}, 1, &first);
    {
        const ints<Resource> source(std::size_t{300}, 2, &second);
        target = source;
        CHECK(live(second) == 1);
    }
    CHECK(target.get_allocator().resource() == &first);
    CHECK(live(first) == 1);
    CHECK(live(second) == 0);
    CHECK(target == ints<Resource>(std::size_t{300}, 2, &second));
}

TEST_CASE_TEMPLATE("a container that is moved takes its memory along and leaves nothing behind",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    std::optional<Resource> first(std::in_place);
    Resource second;
    int_list<Resource> target({1, 2, 3}, &*first);
    int_list<Resource> source({4, 5, 6, 7}, &second);
    const int* const kept = &source.front();
    target = std::move(source);
    CHECK(target.get_allocator().resource() == &second);
    CHECK(&target.front() == kept);
    CHECK(live(*first) == 0);
    CHECK(live(second) == 4);
    first.reset(); // nobody needs it any more
    target.push_back(8);
    source.assign({1, 2}); // as empty as a new one, and in the same resource
    CHECK(source.get_allocator().resource() == &second);
    CHECK(live(second) == 7);
    const int_list<Resource> constructed(std::move(target));
    CHECK(&constructed.front() == kept);
    CHECK(constructed == int_list<Resource>({4, 5, 6, 7, 8}, &second));
    CHECK(second.verify());
}

TEST_CASE_TEMPLATE("containers that are swapped keep their blocks and swap their resources",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource first;
    Resource second;
    {
        ints<Resource> one(std::size_t{10}, 1, &first);
        ints<Resource> other(std::size_t{2000}, 2, &second);
        const int* const data = other.data();
        one.swap(other);
        CHECK(one.data() == data);
        CHECK(one.get_allocator().resource() == &second);
        CHECK(other.get_allocator().resource() == &first);
        other.resize(3000);
        CHECK(live(first) == 1);
        CHECK(live(second) == 1);
    }
    CHECK(live(first) == 0);
    CHECK(live(second) == 0);
}

TEST_CASE_TEMPLATE("allocators are equal when their resource is the same, whatever their type",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource first;
    Resource second;
    const pool_allocator<int, Resource> of_ints(&first);
    const pool_allocator<double, Resource> of_doubles(of_ints);
    CHECK(of_doubles.resource() == &first);
    CHECK(of_ints == of_doubles);
    CHECK(of_ints != pool_allocator<int, Resource>(&second));
    using traits = std::allocator_traits<pool_allocator<int, Resource>>;
    CHECK(std::is_same_v<typename traits::template rebind_alloc<char>,
                         pool_allocator<char, Resource>>);
    CHECK(!traits::propagate_on_container_copy_assignment::value);
    CHECK(traits::propagate_on_container_move_assignment::value);
    CHECK(traits::propagate_on_container_swap::value);
    CHECK(!traits::is_always_equal::value);
    CHECK(traits::select_on_container_copy_construction(of_ints) == of_ints);
    CHECK(std::is_same_v<concurrent_pool_allocator<int>,
                         pool_allocator<int, concurrent_pool_resource>>);
}

TEST_CASE_TEMPLATE("more objects than fit in memory are refused with bad_array_new_length",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource resource({.limit_bytes = std::size_t{1} << 20});
    constexpr std::size_t most = std::numeric_limits<std::size_t>::max();
    pool_allocator<long, Resource> of_longs(&resource);
    CHECK_THROWS_AS((void)of_longs.allocate(most), std::bad_array_new_length);
    CHECK_THROWS_AS((void)of_longs.allocate(most / sizeof(long) + 1), std::bad_array_new_length);
    CHECK_THROWS_AS((void)of_longs.allocate(std::size_t{1} << 55), millpond::pool_exhausted);
    // What fits in a size and not in an object is refused by the resource, as by the standard's.
    Resource unlimited;
    pool_allocator<long, Resource> from_anywhere(&unlimited);
    for (const std::size_t objects : {most / sizeof(long), most / 2 / sizeof(long) + 1}) {
        try {
            (void)from_anywhere.allocate(objects);
            CHECK(false);
        } catch (const std::bad_array_new_length&) {
            CHECK(false);
        } catch (const std::bad_alloc&) {
            CHECK(live(unlimited) == 0);
        }
    }
    CHECK(live(resource) == 0);
    CHECK(resource.verify());
}

TEST_CASE_TEMPLATE("objects of any alignment have aligned memory",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    struct alignas(128) line {
        char text[128];
    };

    struct alignas(8192) huge {
        char text[8192];
    };

    Resource resource;
    std::list<line, pool_allocator<line, Resource>> lines(std::size_t{50}, &resource);
    for (const line& one : lines) {
        CHECK(reinterpret_cast<std::uintptr_t>(&one) % 128 == 0);
    }
    pool_allocator<huge, Resource> of_huge(&resource);
    huge* const one = of_huge.allocate(1);
    CHECK(reinterpret_cast<std::uintptr_t>(one) % 8192 == 0);
    of_huge.deallocate(one, 1);
    CHECK(resource.verify());
}

TEST_CASE_TEMPLATE("an object and its counts that are shared come from the resource in one block",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource resource;
    {
        const pool_allocator<std::byte, Resource> allocator(&resource);
        auto shared = std::allocate_shared<std::string>(allocator, "a text that is long enough");
        const std::weak_ptr<std::string> weak = shared;
        CHECK(live(resource) == 1);
        CHECK(*shared == "a text that is long enough");
        shared.reset();
        CHECK(weak.expired());
        CHECK(live(resource) == 1); // the counts are still asked for
    }
    CHECK(live(resource) == 0);
    CHECK(resource.stats().pools == 1);
}

TEST_CASE_TEMPLATE("containers in a scoped container come from its resource as well",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    using text = std::basic_string<char, std::char_traits<char>, pool_allocator<char, Resource>>;
    using texts = std::vector<text, std::scoped_allocator_adaptor<pool_allocator<text, Resource>>>;
    Resource resource;
    {
        texts all(&resource);
        for (int i = 0; i < 20; ++i) {
            all.emplace_back(std::size_t{100}, 'x');
        }
        CHECK(live(resource) == 21);
        for (const text& one : all) {
            CHECK(one.get_allocator().resource() == &resource);
        }
    }
    CHECK(live(resource) == 0);
}

TEST_CASE_TEMPLATE("a container's nodes come from the pool of their size and nothing else does",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    Resource resource;
    using book =
        std::map<int, int, std::less<>, pool_allocator<std::pair<const int, int>, Resource>>;
    book orders(&resource);
    for (int i = 0; i < 1000; ++i) {
        orders.emplace(i, i);
    }
    CHECK(resource.stats().pools == 1);
    CHECK(resource.stats().blocks_live == 1000);
    CHECK(resource.stats().unpooled_live == 0);
    orders.clear();
    CHECK(live(resource) == 0);
}

TEST_CASE_TEMPLATE("a container that is made without a resource has the default one",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    struct shelf {
        ints<Resource> numbers;
        int_list<Resource> more;
    };

    CHECK(millpond::get_default_resource<Resource>() == nullptr);
    Resource first;
    Resource second;
    CHECK(millpond::set_default_resource(&first) == nullptr);
    {
        shelf of_the_first;
        of_the_first.numbers.assign(100, 7);
        of_the_first.more.assign(3, 1);
        CHECK(millpond::set_default_resource(&second) == &first);
        CHECK(millpond::get_default_resource<Resource>() == &second);
        shelf of_the_second;
        of_the_second.numbers.push_back(1);
        of_the_first.numbers.assign(1000, 7); // where it began
        CHECK(of_the_first.numbers.get_allocator().resource() == &first);
        CHECK(of_the_second.more.get_allocator().resource() == &second);
        CHECK(live(first) == 4);
        CHECK(live(second) == 1);
    }
    CHECK(live(first) + live(second) == 0);
    CHECK(millpond::set_default_resource<Resource>(nullptr) == &second);
    CHECK(millpond::get_default_resource<Resource>() == nullptr);
}

namespace {

/// Counts what std::pmr asks for.
template <class Resource>
class counting_resource final : public Resource {
public:
    using Resource::Resource;

    [[nodiscard]] int calls() const { return calls_; }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        ++calls_;
        return Resource::allocate(bytes, alignment);
    }

    int calls_ = 0;
};

} // namespace

TEST_CASE_TEMPLATE("a derived resource may override what std::pmr calls",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    counting_resource<Resource> resource(std::pmr::pool_options{});
    {
        std::pmr::vector<int> numbers(&resource);
        numbers.reserve(10);
        numbers.reserve(100);
        CHECK(resource.calls() == 2);
        ints<Resource> directly(&resource);
        directly.reserve(10);
        CHECK(resource.calls() == 2);
        CHECK(live(resource) == 2);
    }
    CHECK(live(resource) == 0);
}
