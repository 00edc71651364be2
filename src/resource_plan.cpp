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

/// Of the address space that the process may have: all classes together take less than half of it.
constexpr std::size_t class_share = 256;

constexpr std::size_t most_indices = ~std::uint32_t{0};

/// Growth in small steps: a resource has many pools, and most stay small.
constexpr std::size_t growth_bytes = std::size_t{64} << 10;

/// What a chunk is meant to have, when nobody says otherwise; larger blocks come by the eight, the
/// largest ones by one.
constexpr std::size_t chunk_bytes = std::size_t{8} << 10;
constexpr std::size_t large_chunk_bytes = std::size_t{64} << 10;

std::size_t blocks_per_chunk(std::size_t block_bytes, std::size_t most) noexcept {
    const std::size_t eight = std::clamp<std::size_t>(large_chunk_bytes / block_bytes, 1, 8);
    const std::size_t wanted = std::max(chunk_bytes / block_bytes, eight);
    return std::bit_floor(most == 0 ? wanted : std::min(wanted, most));
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
    require(options.block_sizes.size() <= size_classes::most,
            options.block_sizes.size(),
            "must have no more entries than",
            size_classes::most);
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
    if (memory.source != memory_source::mapped) {
        throw_bad_option(name,
                         "memory.source",
                         static_cast<std::uint64_t>(memory.source),
                         "must be mapped (other memory is an upstream's), which is",
                         static_cast<std::uint64_t>(memory_source::mapped));
    }
    if (memory.lock) {
        throw_bad_option(name, "memory.lock", 1, "must be false, which is", 0);
    }
}

std::uint32_t threads_for(const pool_resource_options& options) {
    constexpr std::size_t most = cache_limits::threads_most;
    if (options.threads > most) {
        throw_bad_option(options.name.c_str(), "threads", options.threads, "must be at most", most);
    }
    constexpr std::size_t least = 64;
    const std::size_t usual =
        std::clamp<std::size_t>(std::size_t{4} * std::thread::hardware_concurrency(), least, most);
    return static_cast<std::uint32_t>(options.threads == 0 ? usual : options.threads);
}

} // namespace

resource_plan::resource_plan(const pool_resource_options& options,
                             std::pmr::memory_resource* upstream)
    : classes_(classes_for(options))
    , options_(options)
    , upstream_(upstream != nullptr ? upstream : std::pmr::get_default_resource())
    , takes_chunks_(upstream != nullptr)
    , threads_(threads_for(options)) {
    check_memory(options);
    options_.block_sizes = {}; // the caller's, and done with
}

pool_layout resource_plan::layout_of(std::uint32_t index) const noexcept {
    const std::size_t block_bytes = classes_.bytes_of(index);
    const std::size_t room =
        std::clamp(os::address_space_bytes() / class_share, block_bytes, class_bytes_most);
    const std::size_t limit = options_.limit_bytes == 0 ? room : options_.limit_bytes;
    std::size_t blocks = std::clamp(limit, block_bytes, room) / block_bytes;
    if (takes_chunks_) {
        const std::size_t chunk_blocks = source_of(index).chunk_blocks;
        const std::size_t each =
            chunk_blocks * block_bytes + chunked_storage::table_bytes_per_chunk();
        blocks = std::min(blocks, std::max<std::size_t>(room / each, 1) * chunk_blocks);
    }
    pool_layout layout;
    layout.stride_bytes = block_bytes;
    layout.alignment = std::min(block_bytes & (~block_bytes + 1), size_classes::largest_alignment);
    layout.max_capacity = std::min(blocks, most_indices);
    layout.growth_bytes = growth_bytes;
    layout.prefault = options_.prefault;
    layout.is_sparse = true;
    return layout;
}

chunk_source resource_plan::source_of(std::uint32_t index) const noexcept {
    return {upstream_, blocks_per_chunk(classes_.bytes_of(index), options_.max_blocks_per_chunk)};
}

std::pmr::pool_options resource_plan::standard_options() const noexcept {
    std::pmr::pool_options now;
    now.largest_required_pool_block = classes_.largest();
    now.max_blocks_per_chunk = source_of(0).chunk_blocks;
    return now;
}

} // namespace detail

MILLPOND_NAMESPACE_END

#endif
