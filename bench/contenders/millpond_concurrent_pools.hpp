// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Millpond's pools for several threads, for whichever checking level the including file is compiled
/// with; in a namespace named after the level, as in millpond_pools.hpp and for the same reason.

#include "millpond/millpond.hpp"

#include <cstddef>

#include "contenders/making.hpp"
#include "contenders/millpond_pools.hpp"

namespace millpond::bench {

namespace MILLPOND_ABI {

/// Finds the calling thread's blocks at every call.
template <std::size_t Bytes>
class concurrent_pool {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit concurrent_pool(shared size)
        : pool_({.name = "shared",
                 .block_bytes = Bytes,
                 .capacity = size.blocks,
                 .threads = size.threads}) {}

    void* allocate() noexcept { return pool_.try_allocate(); }

    void deallocate(void* block) noexcept { pool_.deallocate(block); }

private:
    concurrent_block_pool pool_;
};

/// The same, not told how many threads there will be.
template <std::size_t Bytes>
class concurrent_pool_by_default {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit concurrent_pool_by_default(std::size_t blocks)
        : pool_({.name = "shared", .block_bytes = Bytes, .capacity = blocks}) {}

    void* allocate() noexcept { return pool_.try_allocate(); }

    void deallocate(void* block) noexcept { pool_.deallocate(block); }

private:
    concurrent_block_pool pool_;
};

/// Through the view that each thread got once.
template <std::size_t Bytes>
class concurrent_pool_by_view {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit concurrent_pool_by_view(shared size)
        : pool_({.name = "shared",
                 .block_bytes = Bytes,
                 .capacity = size.blocks,
                 .threads = size.threads}) {}

    class view {
    public:
        static constexpr std::size_t block_bytes = Bytes;

        explicit view(concurrent_block_pool& pool)
            : mine_(pool.local()) {}

        void* allocate() noexcept { return mine_.try_allocate(); }

        void deallocate(void* block) noexcept { mine_.deallocate(block); }

    private:
        concurrent_block_pool::local_view mine_;
    };

    view local() { return view(pool_); }

private:
    concurrent_block_pool pool_;
};

template <std::size_t Bytes>
class concurrent_typed_pool {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit concurrent_typed_pool(shared size)
        : pool_({.name = "shared", .capacity = size.blocks, .threads = size.threads}) {}

    void* allocate() noexcept { return pool_.try_create(); }

    void deallocate(void* block) noexcept { pool_.destroy(static_cast<payload<Bytes>*>(block)); }

private:
    concurrent_object_pool<payload<Bytes>> pool_;
};

} // namespace MILLPOND_ABI

} // namespace millpond::bench
