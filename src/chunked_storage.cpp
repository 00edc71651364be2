// SPDX-License-Identifier: MIT
/// \file
/// Taking chunks from upstream and giving them back.

#include "millpond/base/config.hpp"

#if MILLPOND_HAS_MEMORY_RESOURCE

#    include "millpond/base/error.hpp"
#    include "millpond/base/instrument.hpp"
#    include "millpond/pool/chunked_storage.hpp"

#    include <algorithm>
#    include <bit>
#    include <cstring>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

region committed(const pool_name& name, std::size_t bytes) {
    mapping_options mapping;
    mapping.name = name;
    mapping.bytes = bytes;
    region pages = region::mapped(mapping);
    const int error = pages.commit(bytes);
    if (error != 0) {
        throw_os_refusal(name.c_str(), "commit", bytes, pages.page_bytes(), error);
    }
    return pages;
}

} // namespace

chunked_storage::chunked_storage(const pool_name& name,
                                 const pool_layout& layout,
                                 const chunk_source& source)
    : stride_(layout.stride_bytes)
    , chunk_log2_(std::countr_zero(source.chunk_blocks))
    , local_mask_(source.chunk_blocks - 1)
    , directory_(
          name, source.chunk_blocks * layout.stride_bytes, layout.max_capacity >> chunk_log2_)
    // Whole chunks only.
    , max_capacity_(static_cast<std::uint32_t>(layout.max_capacity & ~local_mask_))
    , upstream_(source.upstream)
    , budget_(layout.budget)
    , alignment_(layout.alignment)
    , shape_(occupancy_shape::of(layout.max_capacity))
    , metadata_(committed(name, layout.metadata_bytes()))
    , chunk_table_(committed(name, (layout.max_capacity >> chunk_log2_) * sizeof *chunks_)) {
    states_ = reinterpret_cast<block_state*>(metadata_.data());
    words_ = reinterpret_cast<std::uint64_t*>(metadata_.data() + layout.state_bytes());
    extra_ = metadata_.data() + layout.extra_offset();
    extra_ += (0 - reinterpret_cast<std::uintptr_t>(extra_)) % pool_layout::extra_alignment;
    chunks_ = reinterpret_cast<chunk*>(chunk_table_.data());
}

chunked_storage::~chunked_storage() {
    for (std::uint32_t number = 0; number < capacity() >> chunk_log2_; ++number) {
        if (!is_gap(number)) {
            std::byte* const begin = chunk_at(number);
            unpoison(begin, chunk_bytes());
            upstream_->deallocate(begin, chunk_bytes(), alignment_);
        }
    }
}

std::uint64_t chunked_storage::missing_in(std::uint32_t word) const noexcept {
    std::uint64_t missing = 0;
    for (std::uint64_t bit = 0; bit < word_blocks; ++bit) {
        const std::uint64_t index = std::uint64_t{word} * word_blocks + bit;
        if (index < capacity() && is_gap(static_cast<std::uint32_t>(index >> chunk_log2_))) {
            missing |= std::uint64_t{1} << bit;
        }
    }
    return missing;
}

block_range chunked_storage::grow() noexcept {
    const bool fills_gap = first_gap_ != chunk_directory::none;
    const std::uint32_t number = fills_gap ? first_gap_ : capacity() >> chunk_log2_;
    if (!fills_gap && capacity() == max_capacity_) {
        return {};
    }
    std::byte* const begin = take_chunk(number);
    if (begin == nullptr) {
        return {};
    }
    const block_range blocks = blocks_of(number);
    std::memset(states_ + blocks.first, 0, blocks.end - blocks.first); // never handed out
    set_chunk(number, begin);
    if (fills_gap) {
        first_gap_ = chunks_[number].next_gap;
        missing_ -= blocks.end - blocks.first;
    } else {
        capacity_.store(blocks.end, std::memory_order_relaxed);
    }
    return blocks;
}

/// Memory for a chunk, which the directory then knows; nullptr when there is none to be had.
std::byte* chunked_storage::take_chunk(std::uint32_t number) noexcept {
    if (budget_ != nullptr && budget_->take(1, chunk_bytes()) == 0) {
        return nullptr;
    }
    void* begin = nullptr;
    attempt([&] { begin = upstream_->allocate(chunk_bytes(), alignment_); });
    if (begin != nullptr && directory_.add(static_cast<std::byte*>(begin), number)) {
        poison(begin, chunk_bytes());
        return static_cast<std::byte*>(begin);
    }
    if (begin != nullptr) {
        upstream_->deallocate(begin, chunk_bytes(), alignment_);
    }
    if (budget_ != nullptr) {
        budget_->give_back(1, chunk_bytes());
    }
    return nullptr;
}

std::size_t chunked_storage::return_chunk(std::uint32_t number) noexcept {
    std::byte* const begin = chunk_at(number);
    const block_range blocks = blocks_of(number);
    set_chunk(number, nullptr);
    directory_.remove(begin, number);
    if (blocks.end == capacity()) {
        capacity_.store(blocks.first, std::memory_order_relaxed);
    } else {
        chunks_[number].next_gap = first_gap_;
        first_gap_ = number;
        missing_ += blocks.end - blocks.first;
    }
    unpoison(begin, chunk_bytes());
    upstream_->deallocate(begin, chunk_bytes(), alignment_);
    if (budget_ != nullptr) {
        budget_->give_back(1, chunk_bytes());
    }
    return chunk_bytes();
}

bool chunked_storage::owns(const void* address) const noexcept {
    return report_on(address).reason != misuse::foreign;
}

misuse_report chunked_storage::report_on(const void* address) const noexcept {
    const std::uint32_t number = directory_.chunk_near(address);
    if (number != chunk_directory::none && !is_gap(number)) {
        const std::byte* const begin = chunk_at(number);
        const misuse_report report =
            misuse_report::of(address, begin, stride_.bytes(), chunk_bytes() / stride_.bytes());
        if (report.reason != misuse::foreign) {
            return report;
        }
    }
    misuse_report foreign;
    foreign.address = address;
    return foreign;
}

void chunked_storage::unpoison_all() const noexcept {
    for (std::uint32_t number = 0; number < capacity() >> chunk_log2_; ++number) {
        if (!is_gap(number)) {
            unpoison(chunk_at(number), chunk_bytes());
        }
    }
}

void chunked_storage::add_memory_stats(pool_stats& stats) const noexcept {
    stats.bytes_metadata = metadata_.committed();
    stats.bytes_committed =
        std::size_t{capacity() - missing_} * stride_.bytes() + stats.bytes_metadata;
}

} // namespace detail

MILLPOND_NAMESPACE_END

#endif
