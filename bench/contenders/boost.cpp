// SPDX-License-Identifier: MIT
/// \file
/// Boost.Pool, Boost.Interprocess and the free list of Boost.Lockfree.

#include "contenders/registry.hpp"
#include "contenders/run_container_patterns.hpp"
#include "contenders/run_shared_patterns.hpp"
#include <boost/align/aligned_allocator.hpp>
#include <boost/interprocess/allocators/private_node_allocator.hpp>
#include <boost/interprocess/managed_heap_memory.hpp>
#include <boost/lockfree/detail/freelist.hpp>
#include <boost/pool/object_pool.hpp>
#include <boost/pool/pool.hpp>
#include <boost/pool/pool_alloc.hpp>

namespace millpond::bench {

namespace {

template <std::size_t Bytes>
class boost_pool {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit boost_pool(std::size_t blocks)
        : pool_(Bytes, blocks) {}

    explicit boost_pool(growing /*limit*/)
        : pool_(Bytes) {}

    void* allocate() { return pool_.malloc(); }

    void deallocate(void* block) { pool_.free(block); }

    void trim() { pool_.release_memory(); }

private:
    boost::pool<> pool_;
};

template <std::size_t Bytes>
struct boost_payload {
    alignas(16) unsigned char bytes[Bytes];
};

template <std::size_t Bytes>
class boost_object_pool {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit boost_object_pool(std::size_t blocks)
        : pool_(blocks) {}

    void* allocate() { return pool_.malloc(); }

    void deallocate(void* block) { pool_.free(static_cast<boost_payload<Bytes>*>(block)); }

private:
    boost::object_pool<boost_payload<Bytes>> pool_;
};

template <std::size_t Bytes, class Mutex>
class boost_fast_allocator_with {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit boost_fast_allocator_with(std::size_t /*blocks*/) {}

    explicit boost_fast_allocator_with(growing /*limit*/) {}

    void* allocate() { return allocator::allocate(); }

    void deallocate(void* block) {
        allocator::deallocate(static_cast<boost_payload<Bytes>*>(block));
    }

    void trim() {
        boost::singleton_pool<boost::fast_pool_allocator_tag,
                              Bytes,
                              boost::default_user_allocator_new_delete,
                              Mutex>::release_memory();
    }

private:
    using allocator = boost::
        fast_pool_allocator<boost_payload<Bytes>, boost::default_user_allocator_new_delete, Mutex>;
};

template <std::size_t Bytes>
using boost_fast_allocator = boost_fast_allocator_with<Bytes, boost::details::pool::null_mutex>;

template <std::size_t Bytes>
using locked_boost_fast_allocator =
    boost_fast_allocator_with<Bytes, boost::details::pool::default_mutex>;

/// The free list under boost::lockfree's queue and stack, with the allocator that its queue uses.
template <std::size_t Bytes>
class lockfree_free_list {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit lockfree_free_list(std::size_t blocks)
        : list_(aligned(), blocks) {}

    void* allocate() { return list_.template construct<true, true>(); }

    void deallocate(void* block) { list_.template destruct<true>(static_cast<payload*>(block)); }

private:
    /// Its constructor leaves the bytes alone.
    struct payload {
        payload() noexcept {} // NOLINT(modernize-use-equals-default): a default would zero them

        unsigned char bytes[Bytes];
    };

    using aligned = boost::alignment::aligned_allocator<payload, BOOST_LOCKFREE_CACHELINE_BYTES>;

    boost::lockfree::detail::freelist_stack<payload, aligned> list_;
};

template <std::size_t Bytes>
class interprocess_node {
public:
    static constexpr std::size_t block_bytes = Bytes;

    /// The segment's size is fixed at construction: room for the blocks, their chunks' headers and
    /// the segment's own.
    explicit interprocess_node(std::size_t blocks)
        : segment_(blocks * Bytes + blocks * Bytes / 16 + blocks / 16 * 8 + (1 << 20))
        , allocator_(segment_.get_segment_manager()) {}

    void* allocate() {
        return boost::interprocess::ipcdetail::to_raw_pointer(allocator_.allocate_one());
    }

    void deallocate(void* block) {
        allocator_.deallocate_one(static_cast<boost_payload<Bytes>*>(block));
    }

private:
    using manager = boost::interprocess::managed_heap_memory::segment_manager;

    // No trim(): deallocate_free_blocks() walks all chunks for every free block, minutes at 1 M.
    boost::interprocess::managed_heap_memory segment_;
    boost::interprocess::private_node_allocator<boost_payload<Bytes>, manager, 256> allocator_;
};

/// Its allocators have no state: the pools are global, one for each size.
template <class Allocator>
class global_pools {
public:
    using allocator_type = Allocator;

    static allocator_type allocator() { return {}; }
};

template <class Allocator>
outcome run_global_pools(const task& asked) {
    global_pools<Allocator> source;
    return run_node_containers(source, asked);
}

using fast_nodes = boost::fast_pool_allocator<std::byte,
                                              boost::default_user_allocator_new_delete,
                                              boost::details::pool::null_mutex>;
using ordered_nodes = boost::pool_allocator<std::byte,
                                            boost::default_user_allocator_new_delete,
                                            boost::details::pool::null_mutex>;

constexpr std::string_view package = "libboost1.74-dev";

} // namespace

std::vector<contender> boost_contenders() {
    return {
        {.name = "Boost.Pool pool",
         .what = "boost::pool, told the capacity; malloc and free",
         .abilities = raw_blocks | starts_sized | grows,
         .run = run_patterns<boost_pool>,
         .package = package},
        {.name = "Boost.Pool object_pool",
         .what = "its free walks an ordered list, so only up to 1,000 live blocks",
         .abilities = raw_blocks,
         .run = run_patterns<boost_object_pool>,
         .package = package,
         .most_live = 1'000},
        {.name = "Boost.Pool fast_pool_allocator",
         .what = "one at a time, with null_mutex",
         .abilities = raw_blocks | grows | node_containers,
         .run = run_either<run_patterns<boost_fast_allocator>, run_global_pools<fast_nodes>>,
         .package = package},
        {.name = "Boost.Pool pool_allocator",
         .what = "with null_mutex; its free walks an ordered list, so only in containers of 1,000",
         .abilities = node_containers,
         .run = run_global_pools<ordered_nodes>,
         .package = package,
         .most_live = 1'000},
        {.name = "Boost.Interprocess node",
         .what = "private_node_allocator, 256 per chunk, in a heap segment of fixed size",
         .abilities = raw_blocks,
         .run = run_patterns<interprocess_node>,
         .package = package},
        {.name = "Boost.Pool fast_pool_allocator, mutex",
         .what = "with its default mutex",
         .abilities = any_thread,
         .run = run_shared_patterns<locked_boost_fast_allocator>,
         .package = package},
        {.name = "boost::lockfree free list",
         .what = "detail::freelist_stack in its thread-safe mode, told the capacity",
         .abilities = any_thread,
         .run = run_shared_patterns<lockfree_free_list>,
         .package = package}};
}

} // namespace millpond::bench
