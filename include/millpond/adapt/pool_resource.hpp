// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Blocks of any size from pools: a std::pmr::memory_resource for one thread.
///
///     millpond::pool_resource sizes({.name = "messages"});
///     std::pmr::unordered_map<int, order> book(&sizes);
///
/// A request is rounded up to one of some ninety *size classes* (size_classes.hpp), and each class is a
/// pool, made when it is first asked for. Where the blocks come from decides how a pool grows:
///
///     without an upstream    a region for each class, which grows in place: nothing is ever searched
///     with an upstream       chunks from the upstream, found again by a directory
///
/// What no class serves, and what its pool cannot serve, comes from the upstream one by one.

#include "millpond/adapt/unpooled_blocks.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/size_classes.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/byte_budget.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/memory/region.hpp"
#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/chunked_storage.hpp"
#include "millpond/pool/pool_core.hpp"
#include "millpond/pool/region_storage.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>

MILLPOND_NAMESPACE_BEGIN

/// How a resource over pools is made. Every field has a default that suits most programs.
struct pool_resource_options {
    pool_name name{};                     ///< in every report; at most 31 characters
    std::size_t max_blocks_per_chunk = 0; ///< that are taken from an upstream at once, as in
                                          ///< std::pmr::pool_options; 0: what fills two pages
    std::size_t largest_required_pool_block =
        0; ///< larger requests go upstream; 0: 64 KiB, the most
    std::span<const std::size_t>
        block_sizes{};           ///< the classes by hand, ascending, each a multiple of 8
                                 ///< or rounded up; empty: the usual ones
    std::size_t limit_bytes = 0; ///< that blocks, and two bytes a block, may take together; 0: none
    bool prefault = false;       ///< without an upstream: touch the pages of every growth step
    memory_options memory{};     ///< without an upstream: what pages. Mapped, not locked
    leak_policy leaks = leak_policy::ignore; ///< what destruction does about live blocks
};

/// A snapshot of a resource.
///
///     bytes_live = blocks live, each at the size of its class, and unpooled ones at their own
struct pool_resource_stats {
    std::size_t pools = 0;           ///< size classes that were asked for
    std::size_t blocks_live = 0;     ///< from all pools
    std::size_t bytes_live = 0;      ///< of those and of unpooled blocks
    std::size_t bytes_committed = 0; ///< of all blocks, live or not, and what is known of them
    std::size_t unpooled_live = 0;   ///< blocks that came from the upstream one by one
    std::size_t unpooled_bytes = 0;  ///< of those
    std::size_t limit_bytes = 0;     ///< 0: none
    std::size_t limited_bytes = 0;   ///< what counts against the limit
};

/// Serves blocks of any size: small ones from pools, large ones from its upstream.
///
/// Units:      bytes. A block is at most an eighth larger than what was asked for, from 64 bytes on, and
///             at most 7 bytes larger below that.
/// Complexity: O(1), bounds in instructions in docs/guarantees.md, except for the first request of a
///             class, growth, and what goes upstream; that takes O(log n) steps beside the upstream's own.
/// Errors:     pool_exhausted at the limit; what the upstream throws passes. A free with another size
///             than the block's class, of a foreign address or the second one stops the program with one
///             line. The constructor throws std::invalid_argument or std::system_error.
/// Threads:    one at a time per resource.
/// Source:     N3916 (polymorphic memory resources); Bonwick 1994 (size classes with bounded waste).
class pool_resource final : public std::pmr::memory_resource {
public:
    /// All defaults.
    pool_resource()
        : pool_resource(pool_resource_options{}) {}

    /// Chunks come from the upstream.
    explicit pool_resource(std::pmr::memory_resource* upstream)
        : pool_resource(pool_resource_options{}, upstream) {}

    /// Blocks come from pages of the resource's own, and only what no class serves from the default
    /// resource; or everything comes from the upstream, if there is one.
    explicit pool_resource(const pool_resource_options& options,
                           std::pmr::memory_resource* upstream = nullptr);

    pool_resource(const pool_resource&) = delete;
    pool_resource& operator=(const pool_resource&) = delete;

    /// As `release()`.
    ~pool_resource() override;

    /// A block of at least so many bytes, aligned to a power of two. Zero bytes are a block too.
    [[nodiscard, gnu::returns_nonnull]] void*
    allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
        mapped_pool* const pool = pools_[classes_.index_of(bytes, alignment)];
        if (pool != nullptr) [[likely]] {
            void* const block = pool->try_allocate();
            if (block != nullptr) [[likely]] {
                return block;
            }
        }
        return allocate_slow(bytes, alignment);
    }

    /// Takes a block back; bytes and alignment as they were when it was allocated. A null pointer is
    /// ignored.
    void deallocate(void* block,
                    std::size_t bytes,
                    std::size_t alignment = alignof(std::max_align_t)) noexcept {
        mapped_pool* const pool = pools_[classes_.index_of(bytes, alignment)];
        std::uint64_t index; // set by holds()
        if (pool != nullptr && pool->holds(block, index)) [[likely]] {
            pool->put_back(block, index);
            return;
        }
        deallocate_slow(block, bytes, alignment);
    }

    /// Gives everything back to where it came from, whatever is live. O(pools) and what went upstream.
    void release() noexcept;

    /// Makes the pool for such requests now, and takes memory for `blocks` of them; throws pool_exhausted
    /// when that is too much.
    void reserve(std::size_t blocks,
                 std::size_t bytes,
                 std::size_t alignment = alignof(std::max_align_t));

    /// Returns memory that no live block lies in: whole pages to the system, whole chunks to the upstream.
    /// Says how many bytes. O(blocks).
    std::size_t shrink() noexcept;

    /// Where chunks and large blocks come from.
    [[nodiscard]] std::pmr::memory_resource* upstream_resource() const noexcept {
        return unpooled_.upstream();
    }

    /// The options that are in effect, as far as the standard knows them.
    [[nodiscard]] std::pmr::pool_options options() const noexcept;

    /// Bytes of the block that serves such a request; 0 when it goes upstream.
    [[nodiscard]] std::size_t
    block_bytes(std::size_t bytes,
                std::size_t alignment = alignof(std::max_align_t)) const noexcept;

    [[nodiscard]] const char* name() const noexcept { return options_.name.c_str(); }

    /// O(pools).
    [[nodiscard]] pool_resource_stats stats() const noexcept;

    /// The pool that serves such requests; all zero when there is none yet.
    [[nodiscard]] pool_stats
    stats(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) const noexcept;

    /// Checks every invariant of every pool; O(blocks).
    [[nodiscard]] verdict verify() const noexcept;

private:
    /// Enough for what a container frees in one go, at two pages a class at most.
    static constexpr std::uint32_t magazine_entries = 256;

    using mapped_pool =
        detail::pool_core<detail::region_storage<detail::runtime_stride>, magazine_entries>;
    using chunked_pool = detail::pool_core<detail::chunked_storage, magazine_entries>;

    /// Room for a pool of either kind.
    static constexpr std::size_t place_bytes = detail::round_up(
        sizeof(mapped_pool) > sizeof(chunked_pool) ? sizeof(mapped_pool) : sizeof(chunked_pool),
        64);

    void* do_allocate(std::size_t bytes, std::size_t alignment) override;
    void do_deallocate(void* block, std::size_t bytes, std::size_t alignment) override;
    [[nodiscard]] bool do_is_equal(const std::pmr::memory_resource& other) const noexcept override;

    [[nodiscard]] MILLPOND_SLOW_PATH void* allocate_slow(std::size_t bytes, std::size_t alignment);
    [[nodiscard]] void* allocate_unpooled(std::size_t bytes, std::size_t alignment);
    MILLPOND_SLOW_PATH void
    deallocate_slow(void* block, std::size_t bytes, std::size_t alignment) noexcept;
    [[noreturn]] void
    refuse(const void* block, std::size_t bytes, std::size_t alignment) const noexcept;

    /// Calls `use(pool)` with the class's pool, mapped or chunked, if it was made.
    template <class Use>
    bool with_pool(std::uint32_t index, Use use) const;
    template <class Use>
    void for_each_pool(Use use) const;
    void make_pool(std::uint32_t index) noexcept;
    void report_leaks() const noexcept;

    detail::size_classes classes_;
    /// By class, with a place for "none" at the end. nullptr: not made yet, or chunked.
    std::array<mapped_pool*, detail::size_classes::most + 1> pools_{};
    std::array<chunked_pool*, detail::size_classes::most + 1> chunked_pools_{};
    detail::unpooled_blocks unpooled_; ///< and the upstream
    detail::byte_budget budget_;
    pool_resource_options options_;
    bool takes_chunks_; ///< from the upstream
    region places_;     ///< where the pools themselves lie
};

MILLPOND_NAMESPACE_END
