// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks of any size from pools: a std::pmr::memory_resource for one thread.
///
///     millpond::pool_resource sizes({.name = "messages"});
///     std::pmr::unordered_map<int, order> book(&sizes);
///
/// A request is rounded up to one of about ninety *size classes* (size_classes.hpp), and each class
/// is a pool, made when it is first needed. Where the blocks come from decides how a pool grows:
///
///     without an upstream    by spans of 1 to 64 KiB, in address space that all classes share
///     with an upstream       chunks come from there, and a directory finds them again
///
/// What no class serves, and what a class's pool cannot serve, comes from the upstream one by one.

#include "millpond/adapt/resource_core.hpp"
#include "millpond/adapt/resource_plan.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/pool/chunked_storage.hpp"
#include "millpond/pool/pool_core.hpp"
#include "millpond/pool/span_heap.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <memory_resource>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Pools and no lock.
struct resource_of_one_thread {
    /// Of a class over an upstream: enough for what most containers free in one go.
    static constexpr std::uint32_t places = narrow_places_most;

    using paged_pools = span_heap;
    using chunked_pool = pool_core<chunked_storage, places>;

    struct lock_type {
        void lock() noexcept {}

        void unlock() noexcept {}
    };

    [[nodiscard]] static span_heap make_paged(const resource_plan& plan, byte_budget& budget) {
        return span_heap({.name = plan.options().name,
                          .memory = plan.options().memory,
                          .prefault = plan.options().prefault,
                          .limit_bytes = plan.options().limit_bytes},
                         plan.classes(),
                         budget);
    }

    [[nodiscard]] static bool make(span_heap& pools,
                                   std::uint32_t index,
                                   const resource_plan& /*plan*/,
                                   byte_budget& /*budget*/,
                                   lock_type& /*lock*/) noexcept {
        return pools.make(index);
    }

    static void construct(chunked_pool* place,
                          const resource_plan& plan,
                          const pool_layout& layout,
                          const chunk_source& source,
                          lock_type& /*lock*/) {
        std::construct_at(
            place, plan.options().name, plan.options().name, chunked_pool::adapted(layout), source);
    }
};

} // namespace detail

/// Serves blocks of any size: small ones from pools, large ones from its upstream. A derived class
/// may override what std::pmr::memory_resource declares; pool_allocator calls the functions of this
/// class.
///
/// Units:      bytes. From 64 bytes on, a block is at most an eighth larger than what was asked
///             for; below that, at most 7 bytes larger.
/// Complexity: O(1), bounds in instructions in docs/guarantees.md. The first request of a class and
///             growth make system calls or go upstream; blocks from upstream cost O(log n) and one
///             call of the upstream.
/// Errors:     pool_exhausted at the limit; std::bad_alloc for more than an object can have;
///             exceptions from the upstream propagate, and nothing is lost. A second free, a
///             foreign address, a size that is not the block's, an alignment that is not a power of
///             two, and a call of a destroyed resource stop the program with one line. The
///             constructor throws std::invalid_argument; what the system refuses comes from the
///             upstream.
/// Threads:    one at a time per resource.
/// Source:     N3916 (polymorphic memory resources); Bonwick 1994 (slabs by size); docs/design.md.
class pool_resource : public std::pmr::memory_resource {
public:
    pool_resource()
        : pool_resource(pool_resource_options{}) {}

    /// Uses this upstream and default options.
    explicit pool_resource(std::pmr::memory_resource* upstream)
        : pool_resource(pool_resource_options{}, upstream) {}

    /// With an upstream everything comes from there. Without one, blocks come from pages of the
    /// resource's own, and what no class serves comes from the default resource.
    explicit pool_resource(const pool_resource_options& options,
                           std::pmr::memory_resource* upstream = nullptr);

    /// Takes the standard's options, as std::pmr::unsynchronized_pool_resource does.
    template <std::same_as<std::pmr::pool_options> Options>
    explicit pool_resource(const Options& options, std::pmr::memory_resource* upstream = nullptr)
        : pool_resource(detail::with_standard_options(options), upstream) {}

    pool_resource(const pool_resource&) = delete;
    pool_resource& operator=(const pool_resource&) = delete;

    /// Destroys all pools, even those with live blocks, and returns all memory, as `release()`
    /// does.
    ~pool_resource() override;

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

    /// Takes back a block; `bytes` and `alignment` are as they were when it was allocated. A null
    /// pointer is ignored.
    void deallocate(void* block,
                    std::size_t bytes,
                    std::size_t alignment = alignof(std::max_align_t)) noexcept {
        core_.deallocate(block, bytes, alignment);
    }

    /// Gives all memory back to where it came from, even if blocks are live.
    void release() noexcept { core_.release(); }

    /// Makes the pool for such requests now, with memory for `blocks` live blocks; throws
    /// pool_exhausted when that is too much. Does nothing for what goes upstream.
    void reserve(std::size_t blocks,
                 std::size_t bytes,
                 std::size_t alignment = alignof(std::max_align_t)) {
        core_.reserve(blocks, bytes, alignment);
    }

    /// Makes the pool for such requests now, with memory for `blocks` live blocks; returns false
    /// when that is too much. Does nothing for what goes upstream.
    [[nodiscard]] bool try_reserve(std::size_t blocks,
                                   std::size_t bytes,
                                   std::size_t alignment = alignof(std::max_align_t)) noexcept {
        return core_.try_reserve(blocks, bytes, alignment);
    }

    /// Gives back memory that has no live block: whole pages to the system, whole chunks to the
    /// upstream. Returns how many bytes. O(blocks).
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

    [[nodiscard]] pool_resource_stats stats() const noexcept { return core_.stats(); }

    /// Returns the figures of the pool that serves such requests; all zero when there is none yet.
    [[nodiscard]] pool_stats
    stats_of(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) const noexcept {
        return core_.stats_of<pool_stats>(bytes, alignment);
    }

    /// Checks every invariant of every pool; O(blocks).
    [[nodiscard]] verdict verify() const noexcept { return core_.verify(); }

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

    detail::resource_core<detail::resource_of_one_thread> core_;
};

MILLPOND_NAMESPACE_END
