// SPDX-License-Identifier: MIT
/// \file
/// States and words in a pool's metadata.

#include "millpond/pool/region_storage.hpp"

#include "millpond/base/atomic_access.hpp"

#include <cstring>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

region_storage_base::region_storage_base(const pool_name& name,
                                         const pool_layout& layout,
                                         const memory_options& memory)
    : block_memory(name, layout, layout.metadata(), memory)
    , states_(reinterpret_cast<block_state*>(metadata() + layout.metadata().trailing_offset()))
    , words_(reinterpret_cast<std::uint64_t*>(metadata()))
    , extra_(metadata() + layout.extra_offset())
    , touches_metadata_(layout.prefault && layout.is_sparse)
    , shape_(occupancy_shape::of(layout.max_capacity)) {
    extra_ += (0 - reinterpret_cast<std::uintptr_t>(extra_)) % pool_layout::extra_alignment;
}

region_storage_base::region_storage_base(region_storage_base&& other) noexcept
    : block_memory(std::move(other)) {
    take_over(other);
}

region_storage_base& region_storage_base::operator=(region_storage_base&& other) noexcept {
    if (this != &other) {
        block_memory::operator=(std::move(other));
        take_over(other);
    }
    return *this;
}

void region_storage_base::take_over(region_storage_base& other) noexcept {
    states_ = std::exchange(other.states_, nullptr);
    words_ = std::exchange(other.words_, nullptr);
    extra_ = std::exchange(other.extra_, nullptr);
    touches_metadata_ = other.touches_metadata_;
    shape_ = std::exchange(other.shape_, occupancy_shape{});
}

void region_storage_base::retire() noexcept {
    static constinit std::uint64_t no_word = 0; // is read, never written
    block_memory::retire();
    words_ = &no_word;
    shape_ = occupancy_shape::of(1);
}

block_range region_storage_base::grow() noexcept {
    const block_range more = block_memory::grow();
    if (touches_metadata_ && !more.empty()) {
        touch_metadata(more);
    }
    return more;
}

/// Writes to the states and words of blocks that nobody has yet, so that their pages are there.
/// Other threads may look for free blocks in those words meanwhile.
void region_storage_base::touch_metadata(block_range blocks) noexcept {
    std::memset(states_ + blocks.first, 0, blocks.end - blocks.first);
    const std::uint32_t first_new_word = (blocks.first + word_blocks - 1) / word_blocks;
    const std::uint32_t last_word = (blocks.end - 1) / word_blocks;
    for (std::uint32_t word = first_new_word; word <= last_word; ++word) {
        // No order is needed: this writes what was there before.
        atomic_store(words_[word], std::uint64_t{0}, std::memory_order_relaxed);
    }
}

} // namespace detail

MILLPOND_NAMESPACE_END
