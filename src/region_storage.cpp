// SPDX-License-Identifier: MIT
/// \file
/// Records and words in a pool's metadata.

#include "millpond/pool/region_storage.hpp"

#include "millpond/base/atomic_access.hpp"

#include <cstring>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

constinit std::uint64_t no_word = 0;

region_storage_base::region_storage_base(const pool_name& name,
                                         const pool_layout& layout,
                                         const memory_options& memory)
    : block_memory(name, layout, layout.metadata(), memory)
    , records_end_(layout.records())
    , record_bytes_(layout.record_bytes)
    , bit_blocks_(layout.bit_blocks)
    , words_(reinterpret_cast<std::uint64_t*>(metadata()))
    , extra_(metadata() + layout.extra_offset())
    , touches_metadata_(layout.prefault && layout.is_sparse)
    , shape_(layout.shape()) {
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
    records_end_ = other.records_end_;
    record_bytes_ = other.record_bytes_;
    bit_blocks_ = other.bit_blocks_;
    words_ = std::exchange(other.words_, &no_word);
    extra_ = std::exchange(other.extra_, nullptr);
    touches_metadata_ = other.touches_metadata_;
    shape_ = std::exchange(other.shape_, occupancy_shape::of(1));
}

void region_storage_base::retire() noexcept {
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

/// Writes to the records and words of blocks that nobody has yet, so that their pages are there. Other
/// threads may look for free blocks in those words meanwhile.
void region_storage_base::touch_metadata(block_range blocks) noexcept {
    std::memset(records<std::byte>() + blocks.first * record_bytes_,
                0,
                (blocks.end - blocks.first) * record_bytes_);
    const std::size_t word_covers = word_blocks * bit_blocks_;
    const std::size_t first_new_word = (blocks.first + word_covers - 1) / word_covers;
    const std::size_t last_word = (blocks.end - 1) / word_covers;
    for (std::size_t word = first_new_word; word <= last_word; ++word) {
        // No order is needed: this writes what was there before.
        atomic_store(words_[word], std::uint64_t{0}, std::memory_order_relaxed);
    }
}

} // namespace detail

MILLPOND_NAMESPACE_END
