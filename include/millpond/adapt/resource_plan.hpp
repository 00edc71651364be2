// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How a resource over pools is made, and what follows from its options: size classes, and the
/// layout of each class's pool.

#include "millpond/base/config.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/size_classes.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/chunked_storage.hpp"
#include "millpond/pool/region_storage.hpp"

#include <cstddef>
#include <cstdint>
#include <memory_resource>
#include <span>

MILLPOND_NAMESPACE_BEGIN

/// How a resource over pools is made. Every field has a default that suits most programs.
struct pool_resource_options {
    pool_name name{}; ///< in every report; at most 31 characters
    /// Blocks that a pool which has grown takes from an upstream at once, as in
    /// std::pmr::pool_options; its first chunk has two pages of them or less. At most 16,384
    /// blocks, 1 MiB, and a sixteenth of `limit_bytes`; rounded down to a power of two. 0: the
    /// most.
    std::size_t max_blocks_per_chunk = 0;
    std::size_t largest_required_pool_block =
        0; ///< larger requests go upstream; 0: 64 KiB, the most
    std::span<const std::size_t>
        block_sizes{}; ///< the classes by hand, in ascending order, rounded up
                       ///< to multiples of 8; empty: the usual ones
    std::size_t limit_bytes =
        0;                 ///< that all blocks together, and two bytes for each, may take; 0: none
    bool prefault = false; ///< without an upstream: touch the pages of every growth step
    memory_options memory{}; ///< without an upstream: which pages, not locked; no other source
    std::size_t threads =
        0; ///< concurrent_pool_resource only: threads that keep blocks of their own; at most
           ///< 250. 0: four times the processors, at least 64
    leak_policy leaks = leak_policy::ignore; ///< what destruction does about live blocks
};

/// A snapshot of a resource.
///
///     bytes_live = blocks_live, each as large as its class, + unpooled_bytes
struct pool_resource_stats {
    std::size_t pools = 0;       ///< size classes that were asked for
    std::size_t blocks_live = 0; ///< from all pools
    std::size_t bytes_live = 0;  ///< of those and of the unpooled ones
    std::size_t bytes_committed =
        0; ///< of all blocks, live or not; what is known of them is left out
    std::size_t unpooled_live = 0;  ///< blocks that came from the upstream one by one
    std::size_t unpooled_bytes = 0; ///< of those
    std::size_t limit_bytes = 0;    ///< 0: none
    std::size_t limited_bytes = 0;  ///< what counts against the limit
};

namespace detail {

/// The standard's options, with defaults for all others.
[[nodiscard]] inline pool_resource_options
with_standard_options(const std::pmr::pool_options& standard) noexcept {
    pool_resource_options options;
    options.max_blocks_per_chunk = standard.max_blocks_per_chunk;
    options.largest_required_pool_block = standard.largest_required_pool_block;
    return options;
}

class resource_plan {
public:
    /// Throws std::invalid_argument.
    resource_plan(const pool_resource_options& options, std::pmr::memory_resource* upstream);

    [[nodiscard]] const size_classes& classes() const noexcept { return classes_; }

    /// The options, without `block_sizes`.
    [[nodiscard]] const pool_resource_options& options() const noexcept { return options_; }

    [[nodiscard]] const char* name() const noexcept { return options_.name.c_str(); }

    /// True when blocks come from the upstream, in chunks.
    [[nodiscard]] bool takes_chunks() const noexcept { return takes_chunks_; }

    [[nodiscard]] std::pmr::memory_resource* upstream() const noexcept { return upstream_; }

    /// Threads that can keep blocks of their own.
    [[nodiscard]] std::uint32_t threads() const noexcept;

    /// The pool of a class: room in address space, and no block yet.
    [[nodiscard]] pool_layout layout_of(std::uint32_t index) const noexcept;

    [[nodiscard]] chunk_source source_of(std::uint32_t index) const noexcept;

    /// The options in the standard library's form.
    [[nodiscard]] std::pmr::pool_options standard_options() const noexcept;

private:
    size_classes classes_;
    pool_resource_options options_;
    std::pmr::memory_resource* upstream_;
    bool takes_chunks_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
