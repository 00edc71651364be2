// SPDX-License-Identifier: MIT
/// \file
/// Standard containers in an arena: adapt/arena_resource.hpp.

#include "millpond/adapt/arena_resource.hpp"

#include <csignal>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory_resource>
#include <new>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <vector>

#include "pool/child.hpp"
#include "pool/sound.hpp"
#include <doctest/doctest.h>

using millpond::arena;
using millpond::arena_resource;

static_assert(std::is_base_of_v<std::pmr::memory_resource, arena_resource>);
static_assert(!std::is_copy_constructible_v<arena_resource>);

TEST_CASE("containers take their memory from the arena and from nowhere else") {
    arena home({.capacity = 1'000'000});
    arena_resource memory(home);
    std::pmr::memory_resource* const before =
        std::pmr::set_default_resource(std::pmr::null_memory_resource());
    {
        std::pmr::unordered_map<int, std::pmr::string> texts(&memory);
        std::pmr::map<int, int> tree(&memory);
        for (int i = 0; i < 500; ++i) {
            texts.emplace(i, "a text that does not fit into the string object itself");
            tree.emplace(i * 7919 % 500, i);
        }
        CHECK(texts.at(250).size() == 54);
        CHECK(tree.at(0) == 0);
        CHECK(home.owns(&texts.at(499)));
        CHECK(home.owns(texts.at(499).data()));
        CHECK(home.owns(&tree.at(3)));
        CHECK_SOUND(home);
    }
    std::pmr::set_default_resource(before);
    home.clear();
    CHECK(home.size() == 0);
}

TEST_CASE("a vector that is alone in its arena gives everything back when it dies") {
    arena home({.capacity = 100'000});
    arena_resource memory(home);
    {
        std::pmr::vector<int> numbers(&memory);
        numbers.reserve(1000);
        CHECK(home.size() == 4000);
    }
    CHECK(home.size() == 0);
}

TEST_CASE("a block that is not the last stays until the arena is rewound") {
    arena home({.capacity = 100'000});
    arena_resource memory(home);
    const auto here = home.mark();
    void* const first = memory.allocate(100);
    void* const second = memory.allocate(50);
    memory.deallocate(first, 100);
    CHECK(home.size() == 112 + 50);
    memory.deallocate(second, 50);
    CHECK(home.size() == 112); // up to where the block began
    home.rewind(here);
    CHECK(home.size() == 0);
}

TEST_CASE("a container that the arena owns is destroyed before its memory goes") {
    arena home({.capacity = 100'000});
    arena_resource memory(home);
    {
        const arena::scope whole(home);
        auto* const names = home.create<std::pmr::vector<std::pmr::string>>(&memory);
        for (int i = 0; i < 100; ++i) {
            names->emplace_back("a text that does not fit into the string object itself");
        }
        CHECK(names->back().size() == 54);
        CHECK(home.owns(names->back().data()));
        CHECK_SOUND(home);
    }
    CHECK(home.size() == 0);
    CHECK_SOUND(home);
}

TEST_CASE("a resource allocates aligned as it is asked and at least a byte") {
    arena home({.capacity = 100'000});
    arena_resource memory(home);
    for (std::size_t alignment = 1; alignment <= 8192; alignment *= 2) {
        const void* const block = memory.allocate(3, alignment);
        CHECK(reinterpret_cast<std::uintptr_t>(block) % alignment == 0);
    }
    void* const nothing = memory.allocate(0, 1);
    CHECK(memory.allocate(0, 1) != nothing);
}

TEST_CASE("a container that finds no room throws a bad_alloc that names the arena") {
    arena home({.name = "small", .capacity = 100});
    arena_resource memory(home);
    std::pmr::vector<char> bytes(&memory);
    CHECK_THROWS_AS(bytes.resize(101), std::bad_alloc);
    CHECK_THROWS_WITH_AS(bytes.resize(101),
                         "millpond: pool 'small' is exhausted: 101 bytes do not fit, capacity "
                         "100 bytes, peak 0 bytes",
                         millpond::pool_exhausted);
    CHECK(bytes.empty());
    bytes.resize(100);
    CHECK(home.available() == 0);
}

TEST_CASE("resources of the same arena are equal and all others are not") {
    arena home({.capacity = 1000});
    arena other({.capacity = 1000});
    const arena_resource memory(home);
    const arena_resource same(home);
    const arena_resource foreign(other);
    CHECK(memory == memory);
    CHECK(memory == same);
    CHECK_FALSE(memory == foreign);
    CHECK_FALSE(memory == *std::pmr::new_delete_resource());
    CHECK_FALSE(*std::pmr::new_delete_resource() == memory);
    CHECK(&memory.source() == &home);
}

TEST_CASE("a container that moves between resources of one arena moves its block") {
    arena home({.capacity = 1000});
    arena_resource memory(home);
    arena_resource same(home);
    std::pmr::vector<int> first({1, 2, 3}, &memory);
    const int* const block = first.data();
    std::pmr::vector<int> second(&same);
    second = std::move(first);
    CHECK(second.data() == block);
    CHECK(home.size() == 3 * sizeof(int));
}

TEST_CASE("a container that outlives the rewind past its block stops the program when it dies") {
    const auto result = millpond::test::run_in_child([] {
        arena home({.name = "scratch", .capacity = 1000});
        arena_resource memory(home);
        const std::pmr::vector<int> numbers(10, 1, &memory);
        home.clear();
    });
    CHECK(result.signal == SIGABRT);
    CHECK(result.error_output.starts_with("millpond: pool 'scratch': free of "));
    CHECK(result.error_output.ends_with(": freed before, or the arena was rewound past it\n"));
}
