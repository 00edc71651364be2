// SPDX-License-Identifier: MIT
/// \file
/// The parts of pool_resource that are not on the hot path: making pools, going upstream, the whole
/// resource.

#include "millpond/adapt/pool_resource.hpp"

#include "millpond/base/contract.hpp"
#include "millpond/base/error.hpp"

#include <algorithm>
#include <bit>
#include <memory>
#include <new>

MILLPOND_NAMESPACE_BEGIN

namespace {

/// Address space for one class. What a class needs beyond it comes from the upstream, block by block.
constexpr std::size_t class_bytes_most = std::size_t{16} << 30;
constexpr std::size_t index_limit = ~std::uint32_t{0};

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

detail::size_classes classes_for(const pool_resource_options& options) {
    using detail::size_classes;
    const char* const name = options.name.c_str();
    const auto require =
        [name](bool holds, std::size_t value, const char* what, std::size_t limit) {
            if (!holds) {
                detail::throw_bad_option(name, "block_sizes", value, what, limit);
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
        detail::throw_bad_option(name,
                                 "memory.source",
                                 static_cast<std::uint64_t>(memory.source),
                                 "must be mapped (other memory is an upstream's), which is",
                                 static_cast<std::uint64_t>(memory_source::mapped));
    }
    if (memory.lock) {
        detail::throw_bad_option(name, "memory.lock", 1, "must be false, which is", 0);
    }
}

/// What a pool's layout asks for when its size is a matter of address space only.
detail::pool_layout layout_of(std::size_t block_bytes, const pool_resource_options& options) {
    const std::size_t limit = options.limit_bytes == 0 ? class_bytes_most : options.limit_bytes;
    const std::size_t bytes = std::clamp(limit, block_bytes, class_bytes_most);
    detail::pool_layout layout;
    layout.stride_bytes = block_bytes;
    layout.alignment =
        std::min(block_bytes & (~block_bytes + 1), detail::size_classes::largest_alignment);
    layout.max_capacity = std::min<std::size_t>(bytes / block_bytes, index_limit);
    layout.growth_bytes = growth_bytes;
    layout.prefault = options.prefault;
    return layout;
}

} // namespace

pool_resource::pool_resource(const pool_resource_options& options,
                             std::pmr::memory_resource* upstream)
    : classes_(classes_for(options))
    , unpooled_(upstream != nullptr ? upstream : std::pmr::get_default_resource())
    , budget_(options.limit_bytes)
    , options_(options)
    , takes_chunks_(upstream != nullptr) {
    check_memory(options);
    options_.block_sizes = {}; // the caller's, and done with
    mapping_options mapping;
    mapping.name = options.name;
    mapping.bytes = classes_.count() * place_bytes;
    places_ = region::mapped(mapping);
    const int error = places_.commit(mapping.bytes);
    if (error != 0) {
        detail::throw_os_refusal(name(), "commit", mapping.bytes, places_.page_bytes(), error);
    }
}

pool_resource::~pool_resource() {
    report_leaks();
    release();
}

// --- one block -----------------------------------------------------------------------------------

void* pool_resource::do_allocate(std::size_t bytes, std::size_t alignment) {
    return allocate(bytes, alignment);
}

void pool_resource::do_deallocate(void* block, std::size_t bytes, std::size_t alignment) {
    deallocate(block, bytes, alignment);
}

bool pool_resource::do_is_equal(const std::pmr::memory_resource& other) const noexcept {
    return this == &other;
}

void* pool_resource::allocate_slow(std::size_t bytes, std::size_t alignment) {
    const std::uint32_t index = classes_.index_of(bytes, alignment);
    void* block = nullptr;
    if (index < classes_.count()) {
        make_pool(index);
        with_pool(index, [&block](auto& pool) { block = pool.try_allocate(); });
    }
    return block != nullptr ? block : allocate_unpooled(bytes, alignment);
}

void* pool_resource::allocate_unpooled(std::size_t bytes, std::size_t alignment) {
    if (!budget_.has_room(bytes)) {
        detail::throw_exhausted(name(), options_.limit_bytes, budget_.used(), 0);
    }
    const detail::unpooled_blocks::request asked{std::max<std::size_t>(bytes, 1), alignment};
    void* const block = unpooled_.allocate(asked);
    (void)budget_.take(1, asked.bytes);
    return block;
}

void pool_resource::deallocate_slow(void* block,
                                    std::size_t bytes,
                                    std::size_t alignment) noexcept {
    if (block == nullptr) {
        return;
    }
    bool is_freed = false;
    with_pool(classes_.index_of(bytes, alignment), [block, &is_freed](auto& pool) {
        std::uint64_t place; // set by holds()
        is_freed = pool.holds(block, place);
        if (is_freed) {
            pool.put_back(block, place);
        }
    });
    if (is_freed) {
        return;
    }
    const detail::unpooled_blocks::request asked = unpooled_.find(block);
    if (asked.bytes != std::max<std::size_t>(bytes, 1) || asked.alignment != alignment) {
        refuse(block, bytes, alignment);
    }
    unpooled_.deallocate(block);
    budget_.give_back(1, asked.bytes);
}

/// Says what is wrong with a free: the block is of another size, or was freed before, or is nobody's.
void pool_resource::refuse(const void* block,
                           std::size_t bytes,
                           std::size_t alignment) const noexcept {
    detail::misuse_report report;
    report.address = block;
    if (const auto unpooled = unpooled_.find(block); unpooled.bytes != 0) {
        report.reason = detail::misuse::wrong_size;
        report.block_bytes = unpooled.bytes;
    }
    for (std::uint32_t index = 0; index < classes_.count(); ++index) {
        with_pool(index, [&](const auto& pool) {
            if (!pool.owns(block)) {
                return;
            }
            report = pool.report_on(block);
            std::uint64_t place; // set by holds()
            if (pool.holds(block, place)) {
                report.reason = detail::misuse::wrong_size;
            }
            report.block_bytes = classes_.bytes_of(index);
        });
    }
    report.pool_name = name();
    report.freed_bytes = bytes;
    report.freed_alignment = alignment;
    detail::stop_on_misuse(report);
}

// --- pools ---------------------------------------------------------------------------------------

/// Makes the pool of a class if there is none; where that is refused, there is none afterwards.
void pool_resource::make_pool(std::uint32_t index) noexcept {
    if (with_pool(index, [](auto& /*pool*/) {})) {
        return;
    }
    const std::size_t block_bytes = classes_.bytes_of(index);
    std::byte* const place = places_.data() + index * place_bytes;
    detail::pool_layout layout = layout_of(block_bytes, options_);
    layout.budget = &budget_;
    if (takes_chunks_) {
        const detail::chunk_source source{
            upstream_resource(), blocks_per_chunk(block_bytes, options_.max_blocks_per_chunk)};
        detail::attempt([&] {
            chunked_pools_[index] =
                ::new (place) chunked_pool(options_.name, options_.name, layout, source);
        });
        return;
    }
    // Where address space is scarce, a class gets less of it.
    for (; pools_[index] == nullptr && layout.max_capacity != 0; layout.max_capacity /= 4) {
        detail::attempt([&] {
            pools_[index] =
                ::new (place) mapped_pool(options_.name, options_.name, layout, options_.memory);
        });
    }
}

void pool_resource::reserve(std::size_t blocks, std::size_t bytes, std::size_t alignment) {
    const std::uint32_t index = classes_.index_of(bytes, alignment);
    if (index == classes_.count()) {
        return; // what goes upstream is the upstream's to reserve
    }
    make_pool(index);
    bool has_room = false;
    with_pool(index, [&](auto& pool) { has_room = pool.can_allocate(blocks); });
    if (!has_room) {
        detail::throw_exhausted(name(), options_.limit_bytes, budget_.used(), 0);
    }
}

// --- the whole resource ----------------------------------------------------------------------------

template <class Use>
bool pool_resource::with_pool(std::uint32_t index, Use use) const {
    if (pools_[index] != nullptr) {
        use(*pools_[index]);
        return true;
    }
    if (chunked_pools_[index] != nullptr) {
        use(*chunked_pools_[index]);
        return true;
    }
    return false;
}

template <class Use>
void pool_resource::for_each_pool(Use use) const {
    for (std::uint32_t index = 0; index < classes_.count(); ++index) {
        with_pool(index, use);
    }
}

void pool_resource::release() noexcept {
    for_each_pool([](auto& pool) {
        pool.retire();
        std::destroy_at(&pool);
    });
    pools_.fill(nullptr);
    chunked_pools_.fill(nullptr);
    unpooled_.release();
    budget_ = detail::byte_budget(options_.limit_bytes);
}

std::size_t pool_resource::shrink() noexcept {
    std::size_t returned = 0;
    for_each_pool([&returned](auto& pool) { returned += pool.shrink(); });
    return returned;
}

std::pmr::pool_options pool_resource::options() const noexcept {
    std::pmr::pool_options now;
    now.largest_required_pool_block = classes_.largest();
    now.max_blocks_per_chunk =
        blocks_per_chunk(classes_.bytes_of(0), options_.max_blocks_per_chunk);
    return now;
}

std::size_t pool_resource::block_bytes(std::size_t bytes, std::size_t alignment) const noexcept {
    const std::uint32_t index = classes_.index_of(bytes, alignment);
    return index < classes_.count() ? classes_.bytes_of(index) : 0;
}

pool_resource_stats pool_resource::stats() const noexcept {
    pool_resource_stats now;
    for_each_pool([&now](const auto& pool) {
        const pool_stats one = pool.stats();
        ++now.pools;
        now.blocks_live += one.live;
        now.bytes_live += one.live * one.block_bytes;
        now.bytes_committed += one.bytes_committed - one.bytes_metadata;
    });
    now.unpooled_live = unpooled_.size();
    now.unpooled_bytes = unpooled_.bytes();
    now.bytes_live += now.unpooled_bytes;
    now.bytes_committed += now.unpooled_bytes;
    now.limit_bytes = options_.limit_bytes;
    now.limited_bytes = budget_.used();
    return now;
}

pool_stats pool_resource::stats(std::size_t bytes, std::size_t alignment) const noexcept {
    pool_stats found;
    with_pool(classes_.index_of(bytes, alignment),
              [&found](const auto& pool) { found = pool.stats(); });
    return found;
}

verdict pool_resource::verify() const noexcept {
    verdict found;
    for_each_pool([&found](const auto& pool) {
        if (found) {
            found = pool.verify();
        }
    });
    return found;
}

void pool_resource::report_leaks() const noexcept {
    if (options_.leaks == leak_policy::ignore || !checked_build) {
        return;
    }
    for_each_pool([this](const auto& pool) {
        const pool_stats now = pool.stats();
        if (now.live != 0 && options_.leaks == leak_policy::stop) {
            detail::stop_on_leak(name(), now.live, now.block_bytes);
        }
        if (now.live != 0) {
            detail::report_leak(name(), now.live, now.block_bytes);
        }
    });
}

MILLPOND_NAMESPACE_END
