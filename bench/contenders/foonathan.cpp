// SPDX-License-Identifier: MIT
/// \file
/// foonathan/memory as Debian builds it: its debug checks are off.

#include "contenders/registry.hpp"
#include "contenders/run_shared_patterns.hpp"
#include <foonathan/memory/allocator_storage.hpp>
#include <foonathan/memory/memory_pool.hpp>
#include <foonathan/memory/memory_pool_collection.hpp>

namespace millpond::bench {

namespace {

/// Blocks in the first chunk of a pool that starts small.
constexpr std::size_t small_start_blocks = 64;

template <std::size_t Bytes>
class foonathan_pool {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit foonathan_pool(std::size_t blocks)
        : pool_(Bytes, pool::min_block_size(Bytes, blocks)) {}

    explicit foonathan_pool(growing /*limit*/)
        : foonathan_pool(small_start_blocks) {}

    void* allocate() { return pool_.allocate_node(); }

    void deallocate(void* block) { pool_.deallocate_node(block); }

private:
    using pool = foonathan::memory::memory_pool<>;
    pool pool_;
};

template <std::size_t Bytes>
class foonathan_collection {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit foonathan_collection(std::size_t blocks)
        : pool_(Bytes, blocks * Bytes + (1 << 16)) {}

    explicit foonathan_collection(growing /*limit*/)
        : foonathan_collection(small_start_blocks) {}

    void* allocate() { return pool_.allocate_node(Bytes); }

    void deallocate(void* block) { pool_.deallocate_node(block, Bytes); }

private:
    foonathan::memory::memory_pool_collection<foonathan::memory::node_pool,
                                              foonathan::memory::log2_buckets>
        pool_;
};

/// With the library's own lock around every call.
template <std::size_t Bytes>
class locked_foonathan_pool {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit locked_foonathan_pool(std::size_t blocks)
        : pool_(pool(Bytes, pool::min_block_size(Bytes, blocks))) {}

    void* allocate() { return pool_.allocate_node(Bytes, alignof(std::max_align_t)); }

    void deallocate(void* block) { pool_.deallocate_node(block, Bytes, alignof(std::max_align_t)); }

private:
    using pool = foonathan::memory::memory_pool<>;
    foonathan::memory::thread_safe_allocator<pool, std::mutex> pool_;
};

constexpr std::string_view package = "libfoonathan-memory-dev";

} // namespace

std::vector<contender> foonathan_contenders() {
    return {{.name = "foonathan memory_pool",
             .what = "node_pool, told the capacity",
             .abilities = raw_blocks | starts_sized | grows,
             .run = run_patterns<foonathan_pool>,
             .package = package},
            {.name = "foonathan pool_collection",
             .what = "memory_pool_collection of node pools, powers of two",
             .abilities = raw_blocks | starts_sized | grows,
             .run = run_patterns<foonathan_collection>,
             .package = package},
            {.name = "foonathan memory_pool, mutex",
             .what = "thread_safe_allocator around the node_pool, std::mutex",
             .abilities = any_thread,
             .run = run_shared_patterns<locked_foonathan_pool>,
             .package = package}};
}

} // namespace millpond::bench
