// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks of any size from pools: a std::pmr::memory_resource for any thread.
///
///     millpond::concurrent_pool_resource sizes({.name = "messages"});
///     std::pmr::vector<std::pmr::string> lines(&sizes);   // grown here, destroyed anywhere
///
/// A std::pmr resource for any thread, with a concurrent pool for each size class. Every thread keeps some
/// blocks of each class that it freed, and may free what another thread allocated. Only what goes to the
/// system or upstream takes a lock.

#include "millpond/adapt/resource_core.hpp"
#include "millpond/adapt/resource_plan.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/fork_lock.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/pool/chunked_storage.hpp"
#include "millpond/pool/concurrent_core.hpp"
#include "millpond/pool/region_storage.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Concurrent pools, and a lock for what goes to the system or upstream.
struct resource_of_any_thread {
    using mapped_pool = concurrent_core<region_storage<runtime_stride>>;
    using chunked_pool = concurrent_core<chunked_storage>;
    using lock_type = fork_lock;

    template <class Pool, class Source>
    static void construct(Pool* place,
                          const resource_plan& plan,
                          const pool_layout& layout,
                          const Source& source,
                          lock_type& growth_lock) {
        std::construct_at(place,
                          plan.options().name,
                          concurrent_layout::growing(layout, plan.threads(), growth_lock),
                          free_check::fast,
                          source);
    }
};

} // namespace detail

/// Serves blocks of any size to any thread: small ones from pools, large ones from its upstream.
///
/// Units:      bytes. From 64 bytes on a block is at most an eighth larger than what was asked for, below
///             that at most 7 bytes.
/// Complexity: O(1), bounds in instructions in docs/guarantees.md, with what concurrent_block_pool says of
///             other threads. The first request of a class, growth and what goes upstream take the lock.
/// Errors:     pool_exhausted at the limit, where blocks that other threads keep are unavailable;
///             std::bad_alloc for more than an object can have; what the upstream throws passes, and
///             nothing is lost. A second free, one of a foreign address, one with a size that is not its
///             block's, an alignment that is no power of two, and a call of a destroyed resource stop the
///             program with one line. The constructor throws std::invalid_argument; what the system
///             refuses comes from the upstream.
/// Threads:    any, at any time; construction, destruction, `release` and `verify` must not overlap any
///             other call. The upstream is called by one thread at a time.
/// Source:     N3916 (polymorphic memory resources); Bonwick and Adams 2001 (magazines per processor);
///             docs/design.md.
class concurrent_pool_resource : public std::pmr::memory_resource {
public:
    concurrent_pool_resource()
        : concurrent_pool_resource(pool_resource_options{}) {}

    /// With this upstream and no other option.
    explicit concurrent_pool_resource(std::pmr::memory_resource* upstream)
        : concurrent_pool_resource(pool_resource_options{}, upstream) {}

    /// With an upstream everything comes from there. Without one, blocks come from pages of the resource's
    /// own, and what no class serves from the default resource.
    explicit concurrent_pool_resource(const pool_resource_options& options,
                                      std::pmr::memory_resource* upstream = nullptr);

    /// With the options that the standard has, as std::pmr::synchronized_pool_resource is made.
    template <std::same_as<std::pmr::pool_options> Options>
    explicit concurrent_pool_resource(const Options& options,
                                      std::pmr::memory_resource* upstream = nullptr)
        : concurrent_pool_resource(detail::with_standard_options(options), upstream) {}

    concurrent_pool_resource(const concurrent_pool_resource&) = delete;
    concurrent_pool_resource& operator=(const concurrent_pool_resource&) = delete;

    /// Ends all pools, whatever is live in them, and returns all memory, as `release()` does.
    ~concurrent_pool_resource() override;

    /// A block of at least so many bytes, aligned to a power of two. Zero bytes yield a valid block.
    [[nodiscard, gnu::returns_nonnull]] void*
    allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
        return core_.allocate(bytes, alignment);
    }

    /// A block of at least so many bytes, or nullptr: at the limit, or where the upstream throws.
    [[nodiscard]] void* try_allocate(std::size_t bytes,
                                     std::size_t alignment = alignof(std::max_align_t)) noexcept {
        return core_.try_allocate(bytes, alignment);
    }

    /// Takes a block back, whoever allocated it; bytes and alignment as they were then. A null pointer is
    /// ignored.
    void deallocate(void* block,
                    std::size_t bytes,
                    std::size_t alignment = alignof(std::max_align_t)) noexcept {
        core_.deallocate(block, bytes, alignment);
    }

    /// Gives everything back to where it came from, whatever is live, while no other thread is inside.
    void release() noexcept { core_.release(); }

    /// Makes the pool for such requests now, with memory for so many blocks, those that threads keep
    /// included; throws pool_exhausted when that is too much. Does nothing for what goes upstream.
    void reserve(std::size_t blocks,
                 std::size_t bytes,
                 std::size_t alignment = alignof(std::max_align_t)) {
        core_.reserve(blocks, bytes, alignment);
    }

    /// `reserve`; false when that is too much.
    [[nodiscard]] bool try_reserve(std::size_t blocks,
                                   std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept {
        return core_.try_reserve(blocks, bytes, alignment);
    }

    /// Returns memory that no live block lies in and no other thread keeps blocks of: whole pages to the
    /// system, whole chunks to the upstream. Says how many bytes. O(blocks).
    std::size_t shrink() noexcept { return core_.shrink(); }

    /// Where chunks and large blocks come from.
    [[nodiscard]] std::pmr::memory_resource* upstream_resource() const noexcept {
        return core_.plan().upstream();
    }

    /// The options that are in effect, as far as the standard has them. No chunk has more blocks than
    /// `max_blocks_per_chunk`; one of large blocks has fewer.
    [[nodiscard]] std::pmr::pool_options options() const noexcept {
        return core_.plan().standard_options();
    }

    /// Bytes of the block that serves such a request; 0 when it goes upstream.
    [[nodiscard]] std::size_t
    block_bytes(std::size_t bytes,
                std::size_t alignment = alignof(std::max_align_t)) const noexcept {
        return core_.plan().classes().block_bytes(bytes, alignment);
    }

    [[nodiscard]] const char* name() const noexcept { return core_.plan().name(); }

    /// O(blocks).
    [[nodiscard]] pool_resource_stats stats() const noexcept { return core_.stats(); }

    /// Of the pool that serves such requests; all zero when there is none yet. O(blocks).
    [[nodiscard]] concurrent_pool_stats
    stats_of(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) const noexcept {
        return core_.stats_of<concurrent_pool_stats>(bytes, alignment);
    }

    /// Checks every invariant of every pool, while no other thread is inside; O(blocks x threads).
    [[nodiscard]] verdict verify() noexcept { return core_.verify(); }

private:
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        return allocate(bytes, alignment);
    }

    void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override {
        deallocate(block, bytes, alignment);
    }

    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override {
        return this == &other;
    }

    detail::resource_core<detail::resource_of_any_thread> core_;
};

MILLPOND_NAMESPACE_END
