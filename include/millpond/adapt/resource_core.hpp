// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What the resources over pools share: a pool for each size class, made when it is first needed, and an
/// upstream for everything else.
///
///     allocate     <-  the class's pool     on pages of its own, or on chunks from the upstream
///                  <-  the upstream         larger requests, and what the pool has no more room for
///
///     deallocate   ->  the class's pool     if the block is one of its own
///                  ->  the upstream         if the block is known to have come from there
///                  ->  one line, then abort
///
/// `Kind` says which pools there are and how they are locked: `Kind::mapped_pool`,
/// `Kind::chunked_pool`, `Kind::lock_type` for what is done rarely, and `Kind::construct`.

#include "millpond/adapt/resource_plan.hpp"
#include "millpond/adapt/unpooled_blocks.hpp"
#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/byte_budget.hpp"
#include "millpond/memory/region.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory_resource>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <class Kind>
class resource_core {
    using mapped_pool = typename Kind::mapped_pool;
    using chunked_pool = typename Kind::chunked_pool;

public:
    resource_core(const pool_resource_options& options, std::pmr::memory_resource* upstream);

    resource_core(const resource_core&) = delete;
    resource_core& operator=(const resource_core&) = delete;

    /// Reports live blocks if asked to, and gives everything back.
    ~resource_core();

    [[nodiscard, gnu::returns_nonnull]] void* allocate(std::size_t bytes, std::size_t alignment) {
        require_alignment(plan_.options().name, alignment);
        if (mapped_pool* const pool = mapped(plan_.classes().index_of(bytes, alignment));
            pool != nullptr) [[likely]] {
            if (void* const block = pool->try_allocate(); block != nullptr) [[likely]] {
                return cut(block, bytes, pool->stride_bytes());
            }
        }
        return allocate_in_chunks(bytes, alignment);
    }

    /// Returns nullptr at the limit, or when the upstream throws.
    [[nodiscard]] void* try_allocate(std::size_t bytes, std::size_t alignment) noexcept;

    void deallocate(void* block, std::size_t bytes, std::size_t alignment) noexcept {
        mapped_pool* const pool = mapped(plan_.classes().index_of(bytes, alignment));
        if (pool == nullptr || !pool->try_deallocate(block)) [[unlikely]] {
            deallocate_in_chunks(block, bytes, alignment);
        }
    }

    [[nodiscard]] const resource_plan& plan() const noexcept { return plan_; }

    /// Destroys all pools, even those with live blocks, and returns all that came from upstream.
    void release() noexcept;

    /// Makes the pool for such requests, with memory for `blocks` blocks; false when that is too
    /// much.
    [[nodiscard]] bool
    try_reserve(std::size_t blocks, std::size_t bytes, std::size_t alignment) noexcept;

    /// Makes the pool for such requests, with memory for `blocks` blocks; throws pool_exhausted
    /// when that is too much.
    void reserve(std::size_t blocks, std::size_t bytes, std::size_t alignment);

    std::size_t shrink() noexcept;

    [[nodiscard]] pool_resource_stats stats() const noexcept;

    /// The figures of the pool that serves such requests, as `Stats`; all zero when there is none.
    template <class Stats>
    [[nodiscard]] Stats stats_of(std::size_t bytes, std::size_t alignment) const noexcept;

    [[nodiscard]] verdict verify() const noexcept;

private:
    /// Room for a pool of either kind, beginning on cache lines of its own.
    static constexpr std::size_t place_bytes = round_up(
        sizeof(mapped_pool) > sizeof(chunked_pool) ? sizeof(mapped_pool) : sizeof(chunked_pool),
        128);

    /// Requests that are served upstream before a class that was refused a pool is tried again.
    static constexpr std::uint16_t requests_between_attempts = 1000;

    template <class Pool>
    using by_class = std::array<std::atomic<Pool*>, size_classes::most + 1>; // and one for none

    /// The class's pool on pages; nullptr when there is none, for the index `count()` as well.
    [[nodiscard]] mapped_pool* mapped(std::uint32_t index) const noexcept {
        return mapped_[index].load(
            std::memory_order_acquire); // pairs with the release in make_pool()
    }

    /// The class's pool on chunks; nullptr when there is none, for the index `count()` as well.
    [[nodiscard]] chunked_pool* chunked(std::uint32_t index) const noexcept {
        return chunked_[index].load(
            std::memory_order_acquire); // pairs with the release in make_pool()
    }

    /// The hot path of a resource with an upstream; in one without, the way to `allocate_slow`.
    [[nodiscard, gnu::returns_nonnull]] MILLPOND_OUTLINE void*
    allocate_in_chunks(std::size_t bytes, std::size_t alignment) {
        if (chunked_pool* const pool = chunked(plan_.classes().index_of(bytes, alignment));
            pool != nullptr) {
            if (void* const block = pool->try_allocate(); block != nullptr) [[likely]] {
                return cut(block, bytes, pool->stride_bytes());
            }
        }
        return allocate_slow(bytes, alignment);
    }

    MILLPOND_OUTLINE void
    deallocate_in_chunks(void* block, std::size_t bytes, std::size_t alignment) noexcept {
        chunked_pool* const pool = chunked(plan_.classes().index_of(bytes, alignment));
        if (pool == nullptr || !pool->try_deallocate(block)) [[unlikely]] {
            deallocate_slow(block, bytes, alignment);
        }
    }

    /// Cuts a pool's block to a request of `bytes` bytes: nobody owns the rest.
    [[nodiscard, gnu::returns_nonnull]] static void*
    cut(void* block, std::size_t bytes, std::size_t block_bytes) noexcept {
        poison(static_cast<std::byte*>(block) + bytes, block_bytes - bytes);
        return block;
    }

    [[noreturn]] void throw_over_limit(std::size_t bytes) const;

    /// A block from a pool, made if need be, or from upstream, whose exceptions propagate; nullptr
    /// at the limit.
    [[nodiscard]] void* find_block(std::size_t bytes, std::size_t alignment);

    /// Makes the pool for such requests if there is none and calls `use(pool)`; false for what goes
    /// upstream.
    template <class Use>
    bool with_pool_for(std::size_t bytes, std::size_t alignment, Use use);

    /// Calls `use(pool)` with the class's pool of either kind; false when there is none.
    template <class Use>
    bool with_pool(std::uint32_t index, Use use) const;

    template <class Use>
    void for_each_pool(Use use) const;

    [[nodiscard, gnu::returns_nonnull]] MILLPOND_SLOW_PATH void*
    allocate_slow(std::size_t bytes, std::size_t alignment);
    MILLPOND_SLOW_PATH void
    deallocate_slow(void* block, std::size_t bytes, std::size_t alignment) noexcept;
    void require_alive() const noexcept;
    void make_pool(std::uint32_t index) noexcept;
    [[nodiscard]] bool has_places() noexcept;
    [[nodiscard]] bool waits(std::uint32_t index) noexcept;
    void explain(misuse_report& report) const noexcept;
    void report_leaks() const noexcept;

    resource_plan plan_;
    misuse gone_ = misuse::foreign; ///< why no call is served any more; `foreign` while alive
    [[no_unique_address]] mutable
        typename Kind::lock_type lock_; ///< guards all below, but not the pools
    byte_budget budget_;
    unpooled_blocks unpooled_;
    by_class<mapped_pool> mapped_{};
    by_class<chunked_pool> chunked_{};
    /// Requests until a class that was refused a pool is tried again.
    std::array<std::uint16_t, size_classes::most + 1> waits_{};
    region places_; ///< where the pools lie, once there is one
};

} // namespace detail

MILLPOND_NAMESPACE_END

#include "millpond/adapt/resource_core_cold.hpp" // IWYU pragma: export
