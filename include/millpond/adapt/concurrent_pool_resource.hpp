// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks of any size from pools: a std::pmr::memory_resource for any thread.
///
///     millpond::concurrent_pool_resource sizes({.name = "messages"});
///     std::pmr::vector<std::pmr::string> lines(&sizes);   // grown here, destroyed anywhere
///
/// Each size class has a concurrent pool. Every thread keeps some blocks of each class that it
/// freed, and may free what another thread allocated. Only calls that go to the system or upstream
/// take a lock.

#include "millpond/adapt/pools_by_class.hpp"
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
    using paged_pools = pools_by_class<mapped_pool>;
    using chunked_pool = concurrent_core<chunked_storage>;
    using lock_type = fork_lock;

    [[nodiscard]] static paged_pools make_paged(const resource_plan& /*plan*/,
                                                byte_budget& /*budget*/) {
        return {};
    }

    /// Where address space is scarce, a class gets less of it.
    [[nodiscard]] static bool make(paged_pools& pools,
                                   std::uint32_t index,
                                   const resource_plan& plan,
                                   byte_budget& budget,
                                   lock_type& lock) {
        pool_layout layout = plan.layout_of(index);
        layout.budget = &budget;
        bool is_made = false;
        for (; !is_made && layout.max_capacity != 0; layout.max_capacity /= 4) {
            is_made = pools.make(
                index, plan.classes().count(), plan.options().name, [&](mapped_pool* place) {
                    construct(place, plan, layout, plan.options().memory, lock);
                });
        }
        return is_made;
    }

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
/// Units:      bytes. From 64 bytes on, a block is at most an eighth larger than what was asked
///             for; below that, at most 7 bytes larger.
/// Complexity: O(1), bounds in instructions in docs/guarantees.md, repeated because of other
///             threads as concurrent_block_pool says. The first request of a class, growth and what
///             goes upstream take the lock.
/// Errors:     pool_exhausted at the limit, where blocks that other threads keep are unavailable;
///             std::bad_alloc for more than an object can have; exceptions from the upstream
///             propagate, and nothing is lost. A second free, a foreign address, a size that is not
///             the block's, an alignment that is not a power of two, and a call of a destroyed
///             resource stop the program with one line. The constructor throws
///             std::invalid_argument; what the system refuses comes from the upstream.
/// Threads:    any, at any time; construction, destruction, `release` and `verify` must not overlap any
///             other call. The upstream is called by one thread at a time.
/// Source:     N3916 (polymorphic memory resources); Bonwick and Adams 2001 (magazines per processor);
///             docs/design.md.
class concurrent_pool_resource : public std::pmr::memory_resource {
public:
    concurrent_pool_resource()
        : concurrent_pool_resource(pool_resource_options{}) {}

    /// Uses this upstream and default options.
    explicit concurrent_pool_resource(std::pmr::memory_resource* upstream)
        : concurrent_pool_resource(pool_resource_options{}, upstream) {}

    /// With an upstream everything comes from there. Without one, blocks come from pages of the
    /// resource's own, and what no class serves comes from the default resource.
    explicit concurrent_pool_resource(const pool_resource_options& options,
                                      std::pmr::memory_resource* upstream = nullptr);

    /// Takes the standard's options, as std::pmr::synchronized_pool_resource does.
    template <std::same_as<std::pmr::pool_options> Options>
    explicit concurrent_pool_resource(const Options& options,
                                      std::pmr::memory_resource* upstream = nullptr)
        : concurrent_pool_resource(detail::with_standard_options(options), upstream) {}

    concurrent_pool_resource(const concurrent_pool_resource&) = delete;
    concurrent_pool_resource& operator=(const concurrent_pool_resource&) = delete;

    /// Destroys all pools, even those with live blocks, and returns all memory, as `release()`
    /// does.
    ~concurrent_pool_resource() override;

    /// Returns a block of at least `bytes` bytes, aligned to `alignment`, a power of two. Zero
    /// bytes yield a valid block. Throws pool_exhausted at the limit, and what the upstream throws.
    [[nodiscard, gnu::returns_nonnull]] void*
    allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
        return core_.allocate(bytes, alignment);
    }

    /// Returns a block of at least `bytes` bytes; nullptr at the limit, or when the upstream
    /// throws.
    [[nodiscard]] void* try_allocate(std::size_t bytes,
                                     std::size_t alignment = alignof(std::max_align_t)) noexcept {
        return core_.try_allocate(bytes, alignment);
    }

    /// Takes back a block, whichever thread allocated it; `bytes` and `alignment` are as they were
    /// then. A null pointer is ignored.
    void deallocate(void* block,
                    std::size_t bytes,
                    std::size_t alignment = alignof(std::max_align_t)) noexcept {
        core_.deallocate(block, bytes, alignment);
    }

    /// Gives all memory back to where it came from, even if blocks are live; no other thread may be
    /// in the resource.
    void release() noexcept { core_.release(); }

    /// Makes the pool for such requests now, with memory for `blocks` blocks, including those that
    /// threads keep; throws pool_exhausted when that is too much. Does nothing for what goes
    /// upstream.
    void reserve(std::size_t blocks,
                 std::size_t bytes,
                 std::size_t alignment = alignof(std::max_align_t)) {
        core_.reserve(blocks, bytes, alignment);
    }

    /// Makes the pool for such requests now, with memory for `blocks` blocks, including those that
    /// threads keep; returns false when that is too much. Does nothing for what goes upstream.
    [[nodiscard]] bool try_reserve(std::size_t blocks,
                                   std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept {
        return core_.try_reserve(blocks, bytes, alignment);
    }

    /// Gives back memory that has no live block and no block kept by another thread: whole pages to
    /// the system, whole chunks to the upstream. Returns how many bytes. O(blocks).
    std::size_t shrink() noexcept { return core_.shrink(); }

    /// Where chunks and large blocks come from.
    [[nodiscard]] std::pmr::memory_resource* upstream_resource() const noexcept {
        return core_.plan().upstream();
    }

    /// The options in effect, as far as the standard has them. No chunk has more blocks than
    /// `max_blocks_per_chunk`; a chunk of large blocks has fewer.
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

    /// Returns a snapshot of the resource's figures. O(blocks).
    [[nodiscard]] pool_resource_stats stats() const noexcept { return core_.stats(); }

    /// Returns the figures of the pool that serves such requests; all zero when there is none yet.
    /// O(blocks).
    [[nodiscard]] concurrent_pool_stats
    stats_of(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) const noexcept {
        return core_.stats_of<concurrent_pool_stats>(bytes, alignment);
    }

    /// Checks every invariant of every pool; no other thread may be in the resource. O(blocks x
    /// threads).
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
