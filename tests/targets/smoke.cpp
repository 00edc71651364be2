// SPDX-License-Identifier: MIT
/// \file
/// Every pool type once, on a target that may differ from the machine which builds: width of an address,
/// order of bytes, standard library. Prints one line for whatever is wrong; exit code 1 if something was.
#include "millpond/millpond.hpp"
#if MILLPOND_HAS_MEMORY_RESOURCE
#    include "millpond/adapt/allocate_unique.hpp"
#    include "millpond/adapt/arena_resource.hpp"

#    include <memory_resource>
#endif

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <new>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

namespace {

int faults = 0;

void check(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "wrong: %s\n", what);
        ++faults;
    }
}

template <class Pool>
void check_sound(Pool& pool, const char* what) {
    const millpond::verdict found = pool.verify();
    if (!found) {
        std::fprintf(stderr, "%s: %s\n", what, found.fault);
        ++faults;
    }
}

/// What a byte order or a width that was taken for granted would break: 13 bytes and one, no power of two.
struct item {
    item(std::uint64_t id, int& destroyed) noexcept
        : number(id)
        , ends(&destroyed) {}

    item(const item&) = delete;
    item& operator=(const item&) = delete;

    ~item() { ++*ends; }

    std::uint64_t number;
    int* ends;
    std::array<char, 13> rest{};
};

constexpr std::size_t many = 5000; // some dozens of words, more than one summary word
constexpr std::size_t some = 70;   // more than a word

void fill(void* block, std::size_t bytes, std::size_t number) {
    std::memset(block, static_cast<int>(number % 251), bytes);
}

bool is_filled(const void* block, std::size_t bytes, std::size_t number) {
    const auto* const first = static_cast<const unsigned char*>(block);
    for (std::size_t i = 0; i < bytes; ++i) {
        if (first[i] != number % 251) {
            return false;
        }
    }
    return true;
}

/// Takes all, frees every third, takes those again, frees all: what another block's owner wrote stays.
template <class Pool>
void churn(Pool& pool, std::size_t blocks, std::size_t bytes, const char* what) {
    std::vector<void*> held;
    for (std::size_t i = 0; i < blocks; ++i) {
        held.push_back(pool.try_allocate());
        check(held.back() != nullptr, what);
        fill(held.back(), bytes, i);
    }
    for (std::size_t i = 0; i < blocks; i += 3) {
        pool.deallocate(held[i]);
    }
    for (std::size_t i = 0; i < blocks; i += 3) {
        held[i] = pool.try_allocate();
        check(held[i] != nullptr && pool.owns(held[i]), what);
        fill(held[i], bytes, i);
    }
    for (std::size_t i = 0; i < blocks; ++i) {
        check(is_filled(held[i], bytes, i), what);
        pool.deallocate(held[i]);
    }
    int outside = 0;
    check(!pool.owns(&outside), what);
    check_sound(pool, what);
}

void try_blocks() {
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{24}, std::size_t{100}}) {
        millpond::block_pool pool({.name = "blocks", .block_bytes = bytes, .capacity = many});
        churn(pool, many, bytes, "block_pool");
        check(pool.size() == 0 && pool.high_water() == many, "the figures of block_pool");
    }
    millpond::block_pool growing(
        {.name = "growing", .block_bytes = 2048, .capacity = 64, .max_capacity = 20'000});
    churn(growing, 3000, 2048, "a block_pool that grows");
    check(growing.shrink() > 0, "shrink of block_pool");
}

void try_objects() {
    int destroyed = 0;
    {
        millpond::object_pool<item> pool({.name = "items", .capacity = many});
        item* const first = pool.create(1U, destroyed);
        const auto unique = pool.make_unique(2U, destroyed);
        const auto shared = pool.make_shared(std::uint64_t{1} << 60, destroyed);
        const std::weak_ptr<item> weak = shared;
        check(shared->number == std::uint64_t{1} << 60 && !weak.expired(), "make_shared");
        std::uint64_t sum = 0;
        for (const item& live : pool) {
            sum += live.number;
        }
        check(sum == (std::uint64_t{1} << 60) + 3, "what object_pool iterates");
        pool.destroy(first);
        check_sound(pool, "object_pool");
        check(destroyed == 1, "destroy of object_pool");
    }
    check(destroyed == 3, "owners of objects in an object_pool");
}

constinit millpond::static_block_pool<24, some> static_blocks;
constinit millpond::static_object_pool<std::uint64_t, some> static_numbers;

void try_static() {
    churn(static_blocks, some, 24, "static_block_pool");
    for (std::uint64_t i = 0; i < some; ++i) {
        check(static_numbers.try_create(i) != nullptr, "static_object_pool");
    }
    check(static_numbers.try_create(0U) == nullptr, "a full static_object_pool");
    std::uint64_t expected = 0;
    for (const std::uint64_t number : static_numbers) {
        check(number == expected++, "the order of static_object_pool");
    }
    check_sound(static_numbers, "static_object_pool");
}

void try_handles() {
    struct unit {
        std::uint64_t number;
        std::array<char, 13> rest;
    };

    millpond::handle_pool<unit> pool({.name = "named", .capacity = many});
    std::vector<millpond::handle<unit>> names;
    for (std::size_t i = 0; i < many; ++i) {
        names.push_back(pool.create(unit{i, {}}));
    }
    for (std::size_t i = 0; i < many; i += 2) {
        check(pool.destroy(names[i]), "destroy of handle_pool");
    }
    for (std::size_t i = 0; i < many; ++i) {
        const unit* const found = pool.get(names[i]);
        check(i % 2 == 0 ? found == nullptr : found != nullptr && found->number == i,
              "what a handle leads to");
    }
    check_sound(pool, "handle_pool");
}

void try_concurrent_blocks() {
    millpond::concurrent_block_pool pool(
        {.name = "shared", .block_bytes = 40, .capacity = many, .threads = 3});
    churn(pool, some, 40, "concurrent_block_pool");
    std::array<std::atomic<void*>, 64> ring{};
    constexpr std::size_t passed_on = 2000;
    std::thread maker([&] {
        for (std::size_t i = 0; i < passed_on; ++i) {
            void* const block = pool.allocate();
            fill(block, 40, i);
            while (ring[i % ring.size()].load() != nullptr) {
                std::this_thread::yield();
            }
            ring[i % ring.size()].store(block);
        }
    });
    auto mine = pool.local();
    for (std::size_t i = 0; i < passed_on; ++i) {
        void* block = nullptr;
        while ((block = ring[i % ring.size()].exchange(nullptr)) == nullptr) {
            std::this_thread::yield();
        }
        check(is_filled(block, 40, i), "a block from another thread");
        mine.deallocate(block);
    }
    maker.join();
    check(pool.size_estimate() == 0, "what is live in a concurrent_block_pool");
    check_sound(pool, "concurrent_block_pool");
}

void try_concurrent_objects() {
    int destroyed = 0;
    millpond::concurrent_object_pool<item> pool(
        {.name = "shared items", .capacity = 4, .threads = 2});
    auto owner = pool.make_shared(7U, destroyed);
    std::thread([kept = std::move(owner)] { check(kept->number == 7, "a shared owner"); }).join();
    check(destroyed == 1, "a shared owner that ends in another thread");
    std::vector<item*> all;
    while (item* const one = pool.try_create(8U, destroyed)) {
        all.push_back(one);
    }
    check(all.size() >= 4, "the capacity of concurrent_object_pool");
    std::thread waker([&] { pool.destroy(all.back()); });
    item* const waited = pool.try_create_for(std::chrono::hours(24 * 365 * 100), 9U, destroyed);
    check(waited != nullptr && waited->number == 9, "a wait that another thread ends");
    waker.join();
    all.back() = waited;
    for (item* const one : all) {
        pool.destroy(one);
    }
    check_sound(pool, "concurrent_object_pool");
}

void try_recycling() {
    millpond::recycling_pool<std::string> pool({.name = "texts", .capacity = 2});
    {
        auto lease = pool.acquire();
        lease->assign("kept");
    }
    auto lease = pool.acquire();
    check(*lease == "kept", "an object that is lent again");
    check_sound(pool, "recycling_pool");
}

void try_arenas() {
    int destroyed = 0;
    millpond::arena arena({.name = "steps", .capacity = 4096, .max_capacity = 1 << 20});
    const std::string_view text = arena.duplicate("before");
    const auto start = arena.mark();
    for (std::uint64_t i = 0; i < some; ++i) {
        check(arena.create<item>(i, destroyed)->number == i, "an object in an arena");
        check(reinterpret_cast<std::uintptr_t>(arena.allocate(3, 64)) % 64 == 0, "an alignment");
    }
    const auto strings = arena.make_array<std::string>(5);
    strings[4] = "a text that is too long to lie in the string itself";
    check_sound(arena, "arena");
    arena.rewind(start);
    check(destroyed == some && text == "before", "what a rewind destroys and keeps");
    millpond::frame_arena frames({.name = "frames", .capacity = 4096});
    const auto numbers = frames.make_array<std::uint64_t>(8);
    numbers[7] = 7;
    frames.next_frame();
    check(numbers[7] == 7, "the last frame");
    check_sound(frames, "frame_arena");
}

#if MILLPOND_HAS_MEMORY_RESOURCE
template <class Resource>
void try_resource(Resource& resource, const char* what) {
    {
        std::pmr::map<std::size_t, std::pmr::string> texts(&resource);
        for (std::size_t i = 0; i < many; ++i) {
            texts.emplace(i, std::pmr::string(i % 200, 'x', &resource));
        }
        for (std::size_t i = 0; i < many; i += 2) {
            texts.erase(i);
        }
        std::size_t length = 0;
        for (const auto& [key, text] : texts) {
            length += text.size();
        }
        check(length == many / 2 * 100, what);
        void* const large = resource.allocate(3 << 20, 4096);
        check(reinterpret_cast<std::uintptr_t>(large) % 4096 == 0, what);
        resource.deallocate(large, 3 << 20, 4096);
    }
    check(resource.stats().blocks_live == 0, what);
    check_sound(resource, what);
}

// Limited: QEMU takes long for every gigabyte of address space.
void try_resources() {
    millpond::pool_resource sizes({.name = "sizes", .limit_bytes = 64 << 20});
    try_resource(sizes, "pool_resource");
    millpond::pool_resource over_heap({.name = "over heap", .limit_bytes = 64 << 20},
                                      std::pmr::new_delete_resource());
    try_resource(over_heap, "pool_resource over an upstream");
    millpond::concurrent_pool_resource anyone({.name = "anyone", .limit_bytes = 64 << 20});
    try_resource(anyone, "concurrent_pool_resource");
    const auto owned = millpond::allocate_unique<std::uint64_t>(
        millpond::pool_allocator<std::uint64_t>(&sizes), 5U);
    const auto shared =
        std::allocate_shared<std::uint64_t>(millpond::pool_allocator<std::uint64_t>(&sizes), 6U);
    check(*owned + *shared == 11, "owners over a resource");
    millpond::arena arena({.name = "squares", .capacity = 4096});
    millpond::arena_resource memory(arena);
    std::pmr::vector<std::uint64_t> squares(&memory);
    for (std::uint64_t i = 0; i < some; ++i) {
        squares.push_back(i * i);
    }
    check(squares.back() == (some - 1) * (some - 1), "a container in an arena");
}
#else
void try_resources() {} // this standard library has no std::pmr
#endif

/// More than the machine has addresses for is refused with a reason; it never wraps to something small.
void try_limits() {
    const auto refuses = [](std::size_t block_bytes, std::size_t capacity) {
        try {
            const millpond::block_pool pool(
                {.name = "vast", .block_bytes = block_bytes, .capacity = capacity});
            return pool.capacity() == capacity && pool.block_bytes() >= block_bytes &&
                   pool.block_bytes() > 0 && capacity <= SIZE_MAX / 2 / pool.block_bytes();
        } catch (const std::invalid_argument&) {
            return true;
        } catch (const std::system_error&) {
            return true;
        }
    };
    for (int bits = 8; bits < static_cast<int>(sizeof(std::size_t) * 8); ++bits) {
        const std::size_t power = std::size_t{1} << bits;
        check(refuses(power, SIZE_MAX / power), "a pool of nearly all bytes");
        check(refuses(power, SIZE_MAX / power + 1), "a pool of exactly all bytes");
        check(refuses(power, SIZE_MAX / power + 2), "a pool of a few bytes more than there are");
    }
}

} // namespace

int main() {
    try_blocks();
    try_objects();
    try_static();
    try_handles();
    try_concurrent_blocks();
    try_concurrent_objects();
    try_recycling();
    try_arenas();
    try_resources();
    try_limits();
    std::printf(
        "%s, %zu bits\n", faults == 0 ? "every pool type works" : "faults", sizeof(void*) * 8);
    return faults == 0 ? 0 : 1;
}
