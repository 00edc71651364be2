// SPDX-License-Identifier: MIT
/// \file
/// Checking a pool's options and laying its blocks and metadata into regions.

#include "millpond/pool/block_memory.hpp"

#include "millpond/base/error.hpp"
#include "millpond/base/instrument.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <new>
#include <span>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

/// Metadata grows by this part of the least step of the blocks.
constexpr std::size_t metadata_share = 8;

/// A pool with two mappings rounds two sizes up to whole pages, which wastes one on average, and the system
/// allows a process some 65,000 mappings. From here on that is a quarter of the memory or less.
constexpr std::size_t small_pool_bytes = std::size_t{16} << 10;

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

} // namespace

memory_options
resolved(memory_options memory, const pool_layout& layout, const metadata_layout& known) noexcept {
    if (memory.source == memory_source::automatic) {
        const bool is_small = layout.capacity == layout.max_capacity &&
                              layout.max_capacity <= small_pool_bytes / layout.stride_bytes &&
                              layout.buffer_bytes(known.bytes()) <= small_pool_bytes;
        const bool is_special =
            memory.pages != page_size::standard || memory.lock || memory.guard_pages;
        memory.source = is_small && !is_special ? memory_source::heap : memory_source::mapped;
    }
    return memory;
}

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
    blocks.commit_or_throw(name, skip + room.ready_bytes);
    return blocks;
}

bool is_shortage(int error) noexcept {
    return error == ENOMEM || error == EAGAIN;
}

std::size_t growth_step(std::size_t bytes, std::size_t least) noexcept {
    return std::max(least, bytes / 8);
}

block_memory::block_memory(const pool_name& name,
                           const pool_layout& layout,
                           const metadata_layout& known,
                           const memory_options& options)
    : stride_(layout.stride_bytes)
    , index_end_(layout.max_capacity)
    , growth_bytes_(layout.growth_bytes)
    , cost_bytes_(layout.stride_bytes + layout.record_bytes + 1)
    , budget_(layout.budget)
    , prefault_(layout.prefault) {
    const memory_options memory = resolved(options, layout, known);
    switch (memory.source) {
    case memory_source::buffer:
        place_in_buffer(name, layout, known, memory.buffer);
        break;
    case memory_source::heap:
        metadata_ = {known, region::from_heap(name, known.bytes(), alignof(std::uint64_t))};
        blocks_ = region_for_blocks(name, room_of(layout), memory);
        break;
    case memory_source::mapped:
    case memory_source::automatic:
        reserve_pages(name, layout, known, memory);
        break;
    }
    if (blocks_.committed() / stride_.bytes() >= index_end_) {
        set_capacity(max_capacity()); // heap and buffer are there whole
    }
    first_block_ = first_aligned(blocks_, layout.alignment);
    records_ = metadata() + known.trailing_offset();
    if (layout.prefault && memory.source != memory_source::mapped) {
        std::memset(metadata_.leading(), 0, known.bytes());
        std::memset(first_block_, 0, committed_block_bytes());
    }
    poison(first_block_, committed_block_bytes());
}

void block_memory::place_in_buffer(const pool_name& name,
                                   const pool_layout& layout,
                                   const metadata_layout& known,
                                   std::span<std::byte> buffer) {
    const std::size_t needed = layout.buffer_bytes(known.bytes());
    if (buffer.size() < needed) {
        throw_bad_option(
            name.c_str(), "memory.buffer.size()", buffer.size(), "must be at least", needed);
    }
    const auto address = reinterpret_cast<std::uintptr_t>(buffer.data());
    const std::size_t skip = (0 - address) % alignof(std::uint64_t);
    metadata_ = {known, region::borrowed(buffer.subspan(skip, known.bytes()))};
    blocks_ = region::borrowed(buffer.subspan(skip + known.bytes()));
    std::memset(metadata_.leading(), 0, known.bytes());
}

void block_memory::reserve_pages(const pool_name& name,
                                 const pool_layout& layout,
                                 const metadata_layout& known,
                                 const memory_options& memory) {
    mapping_options mapping =
        mapping_for(name, memory, known.bytes(), layout.prefault && !layout.is_sparse);
    mapping.huge_page_fallback = true;
    if (memory.pages != page_size::standard) {
        mapping.pages = page_size::transparent_huge;
    }
    metadata_ = {known, mapping, layout.capacity, growth_bytes_ / metadata_share};
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
    index_end_ = std::exchange(other.index_end_, 0);
    records_ = std::exchange(other.records_, nullptr);
    stride_ = other.stride_;
    cost_bytes_ = other.cost_bytes_;
    growth_bytes_ = other.growth_bytes_;
    budget_ = other.budget_;
    growth_error_ = other.growth_error_;
    prefault_ = other.prefault_;
    blocks_.release();
    blocks_ = std::move(other.blocks_);
    metadata_ = std::exchange(other.metadata_, pool_metadata());
}

block_range block_memory::grow() noexcept {
    const std::uint32_t before = capacity();
    if (before >= max_capacity()) {
        return {}; // full, or destroyed
    }
    const std::size_t wanted =
        growth_step(committed_block_bytes(), growth_bytes_) / stride_.bytes();
    std::size_t step = std::clamp<std::size_t>(wanted, 1, max_capacity() - before);
    if (budget_ != nullptr) {
        step = budget_->take(step, cost_bytes_);
        if (step == 0) {
            return {};
        }
    }
    const std::size_t of_a_page = std::max<std::size_t>(blocks_.page_bytes() / stride_.bytes(), 1);
    growth_error_ = grow_by_at_most(step, std::min(of_a_page, step), [&](std::size_t blocks) {
        return commit(before + static_cast<std::uint32_t>(blocks));
    });
    if (budget_ != nullptr) {
        budget_->give_back(before + step - capacity(), cost_bytes_);
    }
    return {before, capacity()};
}

bool block_memory::grow_to(std::uint32_t blocks) noexcept {
    growth_error_ = blocks <= capacity() ? growth_error_ : commit(blocks);
    return blocks <= capacity();
}

bool block_memory::cover_leading(std::size_t blocks) noexcept {
    if (blocks <= metadata_.leading_capacity()) {
        return true;
    }
    growth_error_ = metadata_.cover_leading(blocks);
    return growth_error_ == 0;
}

/// Makes `blocks` blocks usable, with what is known about them: 0 or errno.
int block_memory::commit(std::uint32_t blocks) noexcept {
    int error = metadata_.cover(blocks);
    if (error == 0) {
        const auto skip = static_cast<std::size_t>(first_block_ - blocks_.data());
        error = blocks_.commit(skip + std::size_t{blocks} * stride_.bytes());
    }
    if (error == 0) {
        poison(first_block_ + committed_block_bytes(), (blocks - capacity()) * stride_.bytes());
        set_capacity(blocks);
    }
    return error;
}

void block_memory::retract(std::uint32_t end) noexcept {
    if (budget_ != nullptr && end < capacity()) {
        budget_->give_back(capacity() - end, cost_bytes_);
        set_capacity(end);
    }
}

std::size_t block_memory::discard(std::size_t first, std::size_t end) noexcept {
    const auto skip = static_cast<std::size_t>(first_block_ - blocks_.data());
    return blocks_.discard(skip + first, skip + end);
}

void block_memory::add_memory_stats(pool_stats& stats) const noexcept {
    stats.bytes_metadata = metadata_.committed();
    stats.bytes_committed = blocks_.committed() + stats.bytes_metadata;
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
        growth_refusal refusal = storage.growth_error();
        refusal.bytes *= blocks - storage.capacity();
        throw_exhausted(name, storage.capacity(), high_water, refusal);
    }
}

} // namespace detail

MILLPOND_NAMESPACE_END
