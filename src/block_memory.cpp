// SPDX-License-Identifier: MIT
/// \file
/// Checking a pool's options and laying its blocks and metadata into regions.

#include "millpond/pool/block_memory.hpp"

#include "millpond/base/error.hpp"
#include "millpond/base/instrument.hpp"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

constexpr std::size_t index_limit = ~std::uint32_t{0}; // 2^32 - 1 is "no block"
constexpr std::size_t size_limit = SIZE_MAX / 4;

block_room room_of(const pool_layout& layout) noexcept {
    return {.bytes = layout.max_capacity * layout.stride_bytes,
            .ready_bytes = layout.capacity * layout.stride_bytes,
            .alignment = layout.alignment,
            .prefault = layout.prefault};
}

mapping_options
mapping_for(const pool_name& name, const memory_options& memory, std::size_t bytes, bool prefault) {
    return {.name = name,
            .bytes = bytes,
            .pages = memory.pages,
            .huge_page_fallback = memory.huge_page_fallback,
            .lock = memory.lock,
            .prefault = prefault,
            .guard_pages = memory.guard_pages};
}

void commit_or_throw(region& target,
                     std::size_t bytes,
                     const pool_name& name,
                     const memory_options& memory) {
    const int error = target.commit(bytes);
    if (error != 0) {
        throw_os_refusal(name.c_str(),
                         memory.lock ? "commit and lock" : "commit",
                         bytes,
                         target.page_bytes(),
                         error);
    }
}

} // namespace

std::byte* first_aligned(const region& blocks, std::size_t alignment) noexcept {
    const auto misaligned = reinterpret_cast<std::uintptr_t>(blocks.data()) % alignment;
    return blocks.data() + (misaligned == 0 ? 0 : alignment - misaligned);
}

region
region_for_blocks(const pool_name& name, const block_room& room, const memory_options& memory) {
    if (memory.source == memory_source::buffer) {
        return region::borrowed(memory.buffer);
    }
    if (memory.source == memory_source::heap) {
        return region::from_heap(name, room.bytes, room.alignment);
    }
    // Beyond a page the region's own alignment does not suffice; skipping forward needs room.
    const std::size_t extra = room.alignment > 4096 ? room.alignment : 0;
    region blocks = region::mapped(mapping_for(name, memory, room.bytes + extra, room.prefault));
    const auto skip =
        static_cast<std::size_t>(first_aligned(blocks, room.alignment) - blocks.data());
    commit_or_throw(blocks, skip + room.ready_bytes, name, memory);
    return blocks;
}

std::size_t growth_step(std::size_t bytes, std::size_t least) noexcept {
    return std::max(least, bytes / 8);
}

pool_layout pool_layout::checked(const pool_name& name,
                                 std::size_t block_bytes,
                                 std::size_t block_alignment,
                                 std::size_t capacity,
                                 std::size_t max_capacity,
                                 bool prefault) {
    const auto require = [&](bool holds,
                             const char* field,
                             std::uint64_t value,
                             const char* requirement,
                             std::uint64_t limit) {
        if (!holds) {
            throw_bad_option(name.c_str(), field, value, requirement, limit);
        }
    };
    constexpr std::size_t alignment_limit = std::size_t{1} << 30;
    require(block_bytes >= 1, "block_bytes", block_bytes, "must be at least", 1);
    require(block_bytes <= size_limit, "block_bytes", block_bytes, "must be at most", size_limit);
    require(block_alignment == 0 || std::has_single_bit(block_alignment),
            "block_alignment",
            block_alignment,
            "must be a power of two up to",
            alignment_limit);
    require(block_alignment <= alignment_limit,
            "block_alignment",
            block_alignment,
            "must be at most",
            alignment_limit);
    require(capacity >= 1, "capacity", capacity, "must be at least", 1);
    require(max_capacity == 0 || max_capacity >= capacity,
            "max_capacity",
            max_capacity,
            "must be 0 or at least capacity,",
            capacity);
    pool_layout layout;
    layout.alignment = block_alignment == 0 ? natural_alignment(block_bytes) : block_alignment;
    layout.stride_bytes = round_up(block_bytes, layout.alignment);
    layout.capacity = capacity;
    layout.max_capacity = max_capacity == 0 ? capacity : max_capacity;
    layout.prefault = prefault;
    const std::size_t most = std::min(index_limit, size_limit / layout.stride_bytes);
    require(layout.max_capacity <= most,
            max_capacity == 0 ? "capacity" : "max_capacity",
            layout.max_capacity,
            "must be at most",
            most);
    return layout;
}

void pool_layout::add_spare_blocks(const pool_name& name, std::size_t blocks) {
    const std::size_t most = std::min(index_limit, size_limit / stride_bytes);
    if (blocks > most || capacity > most - blocks) {
        throw_bad_option(name.c_str(),
                         "capacity",
                         capacity,
                         "must be at most",
                         blocks > most ? 0 : most - blocks);
    }
    capacity += blocks;
    max_capacity = capacity;
}

block_memory::block_memory(const pool_name& name,
                           const pool_layout& layout,
                           std::size_t metadata_bytes,
                           const memory_options& memory)
    : max_capacity_(static_cast<std::uint32_t>(layout.max_capacity))
    , block_bytes_(layout.stride_bytes)
    , metadata_bytes_(metadata_bytes)
    , growth_bytes_(layout.growth_bytes)
    , budget_(layout.budget)
    , prefault_(layout.prefault) {
    switch (memory.source) {
    case memory_source::buffer:
        place_in_buffer(name, layout, memory.buffer);
        break;
    case memory_source::heap:
        metadata_ = region::from_heap(name, metadata_bytes_, alignof(std::uint64_t));
        blocks_ = region_for_blocks(name, room_of(layout), memory);
        break;
    case memory_source::mapped:
        reserve_pages(name, layout, memory);
        break;
    }
    if (blocks_.committed() / block_bytes_ >= max_capacity_) {
        set_capacity(max_capacity_); // heap and buffer are there whole
    }
    first_block_ = first_aligned(blocks_, layout.alignment);
    if (layout.prefault && memory.source != memory_source::mapped) {
        std::memset(metadata_.data(), 0, metadata_bytes_);
        std::memset(first_block_, 0, committed_block_bytes());
    }
    poison(first_block_, committed_block_bytes());
}

void block_memory::place_in_buffer(const pool_name& name,
                                   const pool_layout& layout,
                                   std::span<std::byte> buffer) {
    const std::size_t needed = layout.buffer_bytes(metadata_bytes_);
    if (buffer.size() < needed) {
        throw_bad_option(
            name.c_str(), "memory.buffer.size()", buffer.size(), "must be at least", needed);
    }
    const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
    const std::size_t skip = (0 - address) % alignof(std::uint64_t);
    metadata_ = region::borrowed(buffer.subspan(skip, metadata_bytes_));
    blocks_ = region::borrowed(buffer.subspan(skip + metadata_bytes_));
    std::memset(metadata_.data(), 0, metadata_bytes_);
}

void block_memory::reserve_pages(const pool_name& name,
                                 const pool_layout& layout,
                                 const memory_options& memory) {
    mapping_options mapping =
        mapping_for(name, memory, metadata_bytes_, layout.prefault && !layout.is_sparse);
    mapping.huge_page_fallback = true;
    if (memory.pages != page_size::standard) {
        mapping.pages = page_size::transparent_huge;
    }
    metadata_ = region::mapped(mapping);
    commit_or_throw(metadata_, metadata_bytes_, name, memory);
    blocks_ = region_for_blocks(name, room_of(layout), memory);
    set_capacity(static_cast<std::uint32_t>(layout.capacity));
}

block_memory::block_memory(block_memory&& other) noexcept {
    take_over(other);
}

block_memory& block_memory::operator=(block_memory&& other) noexcept {
    if (this != &other) {
        unpoison_all();
        take_over(other);
    }
    return *this;
}

void block_memory::take_over(block_memory& other) noexcept {
    first_block_ = std::exchange(other.first_block_, nullptr);
    set_capacity(other.capacity());
    other.set_capacity(0);
    max_capacity_ = std::exchange(other.max_capacity_, 0);
    block_bytes_ = other.block_bytes_;
    metadata_bytes_ = std::exchange(other.metadata_bytes_, 0);
    growth_bytes_ = other.growth_bytes_;
    budget_ = other.budget_;
    growth_error_ = other.growth_error_;
    prefault_ = other.prefault_;
    blocks_.release();
    metadata_.release();
    blocks_ = std::move(other.blocks_);
    metadata_ = std::move(other.metadata_);
}

block_range block_memory::grow() noexcept {
    const std::uint32_t before = capacity();
    if (before == max_capacity_) {
        return {};
    }
    const std::size_t wanted = growth_step(committed_block_bytes(), growth_bytes_) / block_bytes_;
    std::size_t step = std::clamp<std::size_t>(wanted, 1, max_capacity_ - before);
    if (budget_ != nullptr) {
        step = budget_->take(step, cost_bytes());
    }
    if (!grow_to(before + static_cast<std::uint32_t>(step)) && budget_ != nullptr) {
        budget_->give_back(step, cost_bytes());
    }
    return {before, capacity()};
}

bool block_memory::grow_to(std::uint32_t blocks) noexcept {
    if (blocks <= capacity()) {
        return true;
    }
    const auto skip = static_cast<std::size_t>(first_block_ - blocks_.data());
    growth_error_ = blocks_.commit(skip + std::size_t{blocks} * block_bytes_);
    if (growth_error_ != 0) {
        return false;
    }
    poison(first_block_ + committed_block_bytes(), (blocks - capacity()) * block_bytes_);
    set_capacity(blocks);
    return true;
}

void block_memory::retract(std::uint32_t end) noexcept {
    if (budget_ != nullptr && end < capacity()) {
        budget_->give_back(capacity() - end, cost_bytes());
        set_capacity(end);
    }
}

std::size_t block_memory::discard(std::size_t first, std::size_t end) noexcept {
    const auto skip = static_cast<std::size_t>(first_block_ - blocks_.data());
    return blocks_.discard(skip + first, skip + end);
}

void block_memory::add_memory_stats(pool_stats& stats) const noexcept {
    stats.bytes_metadata = metadata_bytes_;
    stats.bytes_committed = blocks_.committed() + metadata_bytes_;
    stats.growth_error = growth_error_;
    stats.pages = blocks_.pages();
    stats.page_size_error = blocks_.page_size_error();
}

bool try_reserve(block_memory& storage, std::size_t blocks) noexcept {
    return blocks <= storage.max_capacity() && storage.grow_to(static_cast<std::uint32_t>(blocks));
}

void reserve_or_throw(block_memory& storage,
                      const char* name,
                      std::size_t blocks,
                      std::size_t high_water) {
    if (blocks > storage.max_capacity()) {
        throw_exhausted(name, storage.max_capacity(), high_water, 0);
    }
    if (!try_reserve(storage, blocks)) {
        throw_exhausted(name, storage.capacity(), high_water, storage.growth_error());
    }
}

} // namespace detail

MILLPOND_NAMESPACE_END
