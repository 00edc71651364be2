// SPDX-License-Identifier: MIT
/// \file
/// What every consumer builds: it fills a pool that grows, empties it and a static one, shares objects of
/// a third, and exits with 0 only if all add up and verify. EXPECT_CHECKED is the level that the build asked for.

#include <millpond/millpond.hpp>

#include <array>
#include <cstdio>
#include <memory>

static_assert(millpond::checked_build == (EXPECT_CHECKED != 0));

#ifdef WITH_PART
std::size_t fill(millpond::block_pool& pool);
#endif

namespace {

millpond::static_block_pool<48, 70> inside;

bool static_pool_works() {
    std::array<void*, 70> blocks{};
    for (void*& block : blocks) {
        block = inside.try_allocate();
        if (block == nullptr) {
            return false;
        }
    }
    if (inside.try_allocate() != nullptr || !inside.verify()) {
        return false;
    }
    inside.deallocate_bulk(blocks);
    return inside.size() == 0 && inside.high_water() == 70 && static_cast<bool>(inside.verify());
}

bool block_pool_works() {
    constexpr std::size_t blocks = 10'000;
    millpond::block_pool pool(
        {.name = "consumer", .block_bytes = 64, .capacity = 100, .max_capacity = blocks});
#ifdef WITH_PART
    const std::size_t filled = fill(pool);
#else
    std::size_t filled = 0;
    while (pool.try_allocate() != nullptr) {
        ++filled;
    }
#endif
    const millpond::pool_stats full = pool.stats();
    if (filled != blocks || full.live != blocks || full.free != 0 || !pool.verify()) {
        return false;
    }
    pool.clear();
    return pool.size() == 0 && static_cast<bool>(pool.verify());
}

template <class Pool>
bool shared_owners_work(Pool&& pool) {
    std::weak_ptr<int> weak;
    {
        const std::shared_ptr<int> owner = pool.make_shared(7);
        weak = owner;
        if (*owner != 7 || pool.stats().live != 1) {
            return false;
        }
    }
    return weak.expired() && pool.stats().live == 0 && pool.shared_stats().live == 1 &&
           static_cast<bool>(pool.verify());
}

bool owners_work() {
    const auto unique = millpond::allocate_unique<int>(std::allocator<char>(), 7);
    return *unique == 7 && shared_owners_work(millpond::object_pool<int>({.capacity = 10})) &&
           shared_owners_work(millpond::concurrent_object_pool<int>({.capacity = 10}));
}

} // namespace

int main() {
    const bool all = static_pool_works() && block_pool_works() && owners_work();
    std::puts(all ? "millpond works" : "millpond does not work");
    return all ? 0 : 1;
}
