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
/// `Kind` says what these pools are and how they are locked: `Kind::paged_pools` and `Kind::make_paged`,
/// `Kind::chunked_pool` and `Kind::construct`, and `Kind::lock_type` for what is done rarely.

#include "millpond/adapt/pools_by_class.hpp"
#include "millpond/adapt/resource_plan.hpp"
#include "millpond/adapt/unpooled_blocks.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/byte_budget.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <class Kind>
class resource_core {
public:
    resource_core(const pool_resource_options& options, std::pmr::memory_resource* upstream);

    resource_core(const resource_core&) = delete;
    resource_core& operator=(const resource_core&) = delete;

    /// Reports live blocks if asked to, and gives everything back.
    ~resource_core();

    [[nodiscard, gnu::returns_nonnull]] void* allocate(std::size_t bytes, std::size_t alignment) {
        require_alignment(plan_.options().name, alignment);
        const std::uint32_t index = plan_.classes().index_of(bytes, alignment);
        if (void* const block = paged_.try_allocate_kept(index); block != nullptr) [[likely]] {
            return cut(block, bytes, index);
        }
        return allocate_beyond(index, bytes, alignment); // the last call: it needs no frame
    }

    /// Returns nullptr at the limit, or when the upstream throws.
    [[nodiscard]] void* try_allocate(std::size_t bytes, std::size_t alignment) noexcept;

    void deallocate(void* block, std::size_t bytes, std::size_t alignment) noexcept {
        const std::uint32_t index = plan_.classes().index_of(bytes, alignment);
        if (!paged_.try_deallocate(block, index)) [[unlikely]] {
            deallocate_in_chunks(index, block, bytes, alignment);
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
    /// Requests that are served upstream before a class that was refused a pool is tried again.
    static constexpr std::uint16_t requests_between_attempts = 1000;

    /// From the lines of a class on pages; with an upstream, from chunks.
    [[nodiscard, gnu::returns_nonnull]] MILLPOND_OUTLINE void*
    allocate_beyond(std::uint32_t index, std::size_t bytes, std::size_t alignment) {
        void* block = paged_.try_allocate_slow(index);
        if (block == nullptr) {
            block = chunked_.try_allocate(index);
        }
        return block != nullptr ? cut(block, bytes, index) : allocate_slow(bytes, alignment);
    }

    MILLPOND_OUTLINE void deallocate_in_chunks(std::uint32_t index,
                                               void* block,
                                               std::size_t bytes,
                                               std::size_t alignment) noexcept {
        if (!chunked_.try_deallocate(block, index)) [[unlikely]] {
            deallocate_slow(block, bytes, alignment);
        }
    }

    /// Cuts a class's block to a request of `bytes` bytes: nobody owns the rest.
    [[nodiscard, gnu::returns_nonnull]] void*
    cut(void* block, std::size_t bytes, std::uint32_t index) const noexcept {
        poison(static_cast<std::byte*>(block) + bytes, plan_.classes().bytes_of(index) - bytes);
        return block;
    }

    [[noreturn]] void throw_over_limit(std::size_t bytes) const;

    /// A block from a pool, made if need be, or from upstream, whose exceptions propagate; nullptr
    /// at the limit.
    [[nodiscard]] void* find_block(std::size_t bytes, std::size_t alignment);

    /// A block of a class whose pool is made; nullptr when it has none.
    [[nodiscard]] void* find_in_pools(std::size_t bytes, std::uint32_t index) noexcept;

    /// Makes the class's pool if there is none; false when it cannot be made, or for no class.
    [[nodiscard]] bool has_pool(std::uint32_t index) noexcept;

    /// Calls `use(stats)` with the figures of the class's pool, if there is one.
    template <class Use>
    void with_stats(std::uint32_t index, Use use) const;

    [[nodiscard, gnu::returns_nonnull]] MILLPOND_SLOW_PATH void*
    allocate_slow(std::size_t bytes, std::size_t alignment);
    MILLPOND_SLOW_PATH void
    deallocate_slow(void* block, std::size_t bytes, std::size_t alignment) noexcept;
    void require_alive() const noexcept;
    [[nodiscard]] bool waits(std::uint32_t index) noexcept;
    void explain(misuse_report& report) const noexcept;
    void report_leaks() const noexcept;

    resource_plan plan_;
    misuse gone_ = misuse::foreign; ///< why no call is served any more; `foreign` while alive
    [[no_unique_address]] mutable
        typename Kind::lock_type lock_; ///< guards all below, but not the pools
    byte_budget budget_;
    unpooled_blocks unpooled_;
    typename Kind::paged_pools paged_; ///< without an upstream
    pools_by_class<typename Kind::chunked_pool> chunked_;
    /// Requests until a class that was refused a pool is tried again.
    std::array<std::uint16_t, size_classes::most + 1> waits_{};
};

} // namespace detail

MILLPOND_NAMESPACE_END

#include "millpond/adapt/resource_core_cold.hpp" // IWYU pragma: export
