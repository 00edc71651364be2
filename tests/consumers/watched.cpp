// SPDX-License-Identifier: MIT
/// \file
/// Blocks that pass between code that is compiled here and code that is compiled in the library: who watches
/// the one must hear of what the other does. Exits with 0 when all blocks could be written. What a program
/// must not do, for whoever watches: `stale` reads a block that is free, `behind` one byte behind the block,
/// `unwritten` a block that nobody has written.

#include <millpond/millpond.hpp>

#include <array>
#include <cstdio>
#include <cstring>
#include <memory_resource>
#include <string_view>

namespace {

/// Larger ones are kept in a std::map, and MemorySanitizer does not see what the C++ library does to its nodes.
constexpr std::size_t largest = MILLPOND_MEMORY_SANITIZER != 0 ? 50'000 : 100'000;

/// The compiler does not know what it gets back.
template <class T>
T* hide(T* pointer) {
    asm volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

void blocks_pass_through(millpond::block_pool& pool) {
    std::array<void*, 1000> blocks{};
    for (void*& block : blocks) {
        block = pool.allocate();
    }
    for (void* const block : blocks) {
        pool.deallocate(block);
    }
    pool.allocate_bulk(blocks);
    for (void* const block : blocks) {
        std::memset(hide(block), 1, 64);
    }
    pool.deallocate_bulk(blocks);
    void* const last = pool.allocate();
    std::memset(hide(last), 1, 64);
    pool.deallocate(last);
    pool.shrink();
}

template <class Resource>
void sizes_pass_through() {
    Resource sizes({.name = "watched"});
    std::pmr::memory_resource& compiled = sizes;
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{64}, std::size_t{100}, largest}) {
        for (int round = 0; round < 2; ++round) {
            void* block = sizes.allocate(bytes);
            std::memset(hide(block), 1, bytes);
            compiled.deallocate(block, bytes);
            block = compiled.allocate(bytes);
            std::memset(hide(block), 1, bytes);
            sizes.deallocate(block, bytes);
        }
    }
}

void arenas_and_handles_work() {
    millpond::arena arena({.capacity = 1 << 16});
    for (int round = 0; round < 2; ++round) {
        const millpond::arena::scope whole_round(arena);
        std::memset(hide(arena.allocate(5000)), 1, 5000);
    }
    millpond::handle_pool<int> handles({.capacity = 100});
    const auto first = handles.create(1);
    const auto second = handles.create(2);
    handles.destroy(first);
    *handles.get(second) += 1;
}

} // namespace

int main(int count, char** arguments) {
    millpond::block_pool pool({.name = "watched", .block_bytes = 64, .capacity = 2000});
    blocks_pass_through(pool);
    sizes_pass_through<millpond::pool_resource>();
    sizes_pass_through<millpond::concurrent_pool_resource>();
    arenas_and_handles_work();
    const std::string_view fault = count > 1 ? arguments[1] : "";
    auto* const block = static_cast<char*>(pool.allocate());
    millpond::pool_resource sizes;
    auto* const sized = static_cast<char*>(sizes.allocate(100));
    bool seen = false;
    if (fault == "stale") {
        pool.deallocate(block);
        seen = *hide(block) == 1;
    } else if (fault == "behind") {
        seen = hide(sized)[100] == 1;
    } else if (fault == "unwritten") {
        seen = *hide(block) == 1;
    }
    std::puts(seen ? "nobody objects" : "millpond works");
    if (fault != "stale") {
        pool.deallocate(block);
    }
    sizes.deallocate(sized, 100);
}
