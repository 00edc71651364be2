// SPDX-License-Identifier: MIT
/// \file
/// Checking the options of resources over pools, and laying out their pools.

#include "millpond/base/config.hpp"

#if MILLPOND_HAS_MEMORY_RESOURCE

#    include "millpond/adapt/resource_plan.hpp"
#    include "millpond/base/error.hpp"
#    include "millpond/pool/thread_cache.hpp"

#    include <algorithm>
#    include <bit>
#    include <thread>

#    include "os.hpp"

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

/// Address space for one class. What a class needs beyond it comes from the upstream, block by block.
constexpr std::size_t class_bytes_most = std::size_t{16} << 30;

/// Share of the address space that the process may have: all classes together take less than half
/// of it.
constexpr std::size_t class_share = 256;

/// Pools grow in small steps: a resource has many pools, and most stay small.
constexpr std::size_t growth_bytes = std::size_t{64} << 10;

/// Size that the first chunk should have; larger blocks come eight at a time, the largest one at a
/// time.
constexpr std::size_t chunk_bytes = std::size_t{8} << 10;
constexpr std::size_t large_chunk_bytes = std::size_t{64} << 10;

/// The most that chunks grow to; under a limit, at most this share of it, so that what one class
/// has taken for later is small compared with what the others need.
constexpr std::size_t chunk_blocks_most = std::size_t{16} << 10;
constexpr std::size_t chunk_bytes_most = std::size_t{1} << 20;
constexpr std::size_t chunk_share = 16;

std::size_t blocks_of_first_chunk(std::size_t block_bytes) noexcept {
    const std::size_t eight = std::clamp<std::size_t>(large_chunk_bytes / block_bytes, 1, 8);
    return std::max(chunk_bytes / block_bytes, eight);
}

size_classes classes_for(const pool_resource_options& options) {
    const char* const name = options.name.c_str();
    const auto require =
        [name](bool holds, std::size_t value, const char* what, std::size_t limit) {
            if (!holds) {
                throw_bad_option(name, "block_sizes", value, what, limit);
            }
        };
    if (options.block_sizes.empty()) {
        const std::size_t largest = options.largest_required_pool_block;
        return size_classes(largest == 0 ? size_classes::largest_size : largest);
    }
    if (options.block_sizes.size() > size_classes::most) {
        throw_bad_option(name,
                         "block_sizes.size()",
                         options.block_sizes.size(),
                         "must be at most",
                         size_classes::most);
    }
    std::size_t before = 1;
    for (const std::size_t size : options.block_sizes) {
        require(size >= before, size, "must ascend; it is at least", before);
        require(size <= size_classes::largest_size,
                size,
                "must be at most",
                size_classes::largest_size);
        before = size;
    }
    return size_classes(options.block_sizes);
}

void check_memory(const pool_resource_options& options) {
    const memory_options& memory = options.memory;
    const char* const name = options.name.c_str();
    if (memory.source != memory_source::mapped && memory.source != memory_source::automatic) {
        throw_bad_option(name, "memory.source", "must be mapped: other memory is an upstream's");
    }
    if (memory.lock) {
        throw_bad_option(name, "memory.lock", "is not supported");
    }
}

void check_threads(const pool_resource_options& options) {
    constexpr std::size_t most = cache_limits::threads_most;
    if (options.threads > most) {
        throw_bad_option(options.name.c_str(), "threads", options.threads, "must be at most", most);
    }
}

} // namespace

resource_plan::resource_plan(const pool_resource_options& options,
                             std::pmr::memory_resource* upstream)
    : classes_(classes_for(options))
    , options_(options)
    , upstream_(upstream != nullptr ? upstream : std::pmr::get_default_resource())
    , takes_chunks_(upstream != nullptr) {
    check_memory(options);
    check_threads(options);
    options_.block_sizes = {}; // the caller's, and not needed any more
}

std::uint32_t resource_plan::threads() const noexcept {
    constexpr std::size_t most = cache_limits::threads_most;
    // Once: the C++ library reads a file of the system.
    static const std::size_t usual =
        std::clamp<std::size_t>(std::size_t{4} * std::thread::hardware_concurrency(), 64, most);
    return static_cast<std::uint32_t>(options_.threads == 0 ? usual : options_.threads);
}

pool_layout resource_plan::layout_of(std::uint32_t index) const noexcept {
    const std::size_t block_bytes = classes_.bytes_of(index);
    const std::size_t room =
        std::clamp(os::address_space_bytes() / class_share, block_bytes, class_bytes_most);
    const std::size_t limit = options_.limit_bytes == 0 ? room : options_.limit_bytes;
    std::size_t blocks = std::clamp(limit, block_bytes, room) / block_bytes;
    if (takes_chunks_) {
        const std::size_t part_blocks = source_of(index).part_blocks;
        const std::size_t each =
            part_blocks * block_bytes + chunked_storage::table_bytes_per_part();
        blocks = std::min(blocks, std::max<std::size_t>(room / each, 1) * part_blocks);
    }
    pool_layout layout;
    layout.stride_bytes = block_bytes;
    layout.alignment = std::min(block_bytes & (~block_bytes + 1), size_classes::largest_alignment);
    layout.max_capacity = std::min(blocks, index_limit);
    layout.growth_bytes = growth_bytes;
    layout.prefault = options_.prefault;
    layout.is_sparse = true;
    return layout;
}

chunk_source resource_plan::source_of(std::uint32_t index) const noexcept {
    const std::size_t block_bytes = classes_.bytes_of(index);
    const std::size_t asked = options_.max_blocks_per_chunk;
    const std::size_t most = asked == 0 ? chunk_blocks_most : std::min(asked, chunk_blocks_most);
    const std::size_t limit = options_.limit_bytes == 0 ? SIZE_MAX : options_.limit_bytes;
    const std::size_t bytes = std::min(chunk_bytes_most, limit / chunk_share);
    // No larger than what may be taken in all.
    const std::size_t first = std::min(
        {blocks_of_first_chunk(block_bytes), most, std::max(limit / block_bytes, std::size_t{1})});
    return {.upstream = upstream_,
            .part_blocks = std::bit_floor(first),
            .most_blocks = std::bit_floor(std::clamp(bytes / block_bytes, first, most))};
}

std::pmr::pool_options resource_plan::standard_options() const noexcept {
    std::pmr::pool_options now;
    now.largest_required_pool_block = classes_.largest();
    now.max_blocks_per_chunk = source_of(0).most_blocks; // the others have no more
    return now;
}

} // namespace detail

MILLPOND_NAMESPACE_END

#endif
