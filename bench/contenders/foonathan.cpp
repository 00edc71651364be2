// SPDX-License-Identifier: MIT
/// \file
/// foonathan/memory as Debian builds it: its debug checks are off.

#include <memory>

#include "contenders/registry.hpp"
#include "contenders/run_container_patterns.hpp"
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

/// Node pools for powers of two up to a page. Its own std_allocator looks for neighbours among the nodes
/// when it is asked for an array, and refuses one that is larger than its chunks. So an array is one
/// node here where it fits, and everything larger comes from the heap.
class foonathan_source {
public:
    template <class T>
    class collection_allocator {
    public:
        using value_type = T;

        explicit collection_allocator(foonathan_source& source)
            : source_(&source) {}

        template <class U>
        collection_allocator(
            const collection_allocator<U>& other) // NOLINT(google-explicit-constructor)
            : source_(other.source()) {}

        T* allocate(std::size_t objects) {
            const std::size_t bytes = objects * sizeof(T);
            return static_cast<T*>(bytes <= largest_node ? source_->pools_.allocate_node(bytes)
                                                         : ::operator new(bytes));
        }

        void deallocate(T* memory, std::size_t objects) {
            const std::size_t bytes = objects * sizeof(T);
            if (bytes <= largest_node) {
                source_->pools_.deallocate_node(memory, bytes);
            } else {
                ::operator delete(memory);
            }
        }

        [[nodiscard]] foonathan_source* source() const { return source_; }

        friend bool operator==(const collection_allocator& a, const collection_allocator& b) {
            return a.source_ == b.source_;
        }

    private:
        foonathan_source* source_;
    };

    using allocator_type = collection_allocator<std::byte>;

    allocator_type allocator() { return allocator_type(*this); }

private:
    static constexpr std::size_t largest_node = 4096;
    static constexpr std::size_t first_chunk_bytes = 1 << 20; // each following is twice as large

    foonathan::memory::memory_pool_collection<foonathan::memory::node_pool,
                                              foonathan::memory::log2_buckets>
        pools_{largest_node, first_chunk_bytes};
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
    return {
        {.name = "foonathan memory_pool",
         .what = "node_pool, told the capacity",
         .abilities = raw_blocks | starts_sized | grows,
         .run = run_patterns<foonathan_pool>,
         .package = package},
        {.name = "foonathan pool_collection",
         .what = "memory_pool_collection of node pools, powers of two; in containers up to a "
                 "page, larger ones from the heap",
         .abilities = raw_blocks | starts_sized | grows | in_containers,
         .run = run_either<run_patterns<foonathan_collection>, run_containers_of<foonathan_source>>,
         .package = package},
        {.name = "foonathan memory_pool, mutex",
         .what = "thread_safe_allocator around the node_pool, std::mutex",
         .abilities = any_thread,
         .run = run_shared_patterns<locked_foonathan_pool>,
         .package = package}};
}

} // namespace millpond::bench
