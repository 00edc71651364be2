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
    pages.commit_or_throw(name, bytes);
    return pages;
}

} // namespace

chunked_storage::chunked_storage(const pool_name& name,
                                 const pool_layout& layout,
                                 const chunk_source& source)
    : stride_(layout.stride_bytes)
    , part_log2_(std::countr_zero(source.part_blocks))
    , local_mask_(source.part_blocks - 1)
    , directory_(name, source.part_blocks * layout.stride_bytes, layout.max_capacity >> part_log2_)
    , records_end_(layout.records())
    , record_bytes_(layout.record_bytes)
    // Whole parts only.
    , max_capacity_(static_cast<std::uint32_t>(layout.max_capacity & ~local_mask_))
    , most_parts_(number_of(source.most_blocks))
    , upstream_(source.upstream)
    , budget_(layout.budget)
    , alignment_(layout.alignment)
    , shape_(layout.shape())
    , metadata_(committed(name, layout.metadata().bytes()))
    , part_table_(committed(name, (layout.max_capacity >> part_log2_) * sizeof *parts_)) {
    records_ = metadata_.data() + layout.metadata().trailing_offset();
    words_ = reinterpret_cast<std::uint64_t*>(metadata_.data());
    extra_ = metadata_.data() + layout.extra_offset();
    extra_ += (0 - reinterpret_cast<std::uintptr_t>(extra_)) % pool_layout::extra_alignment;
    parts_ = reinterpret_cast<part*>(part_table_.data());
}

chunked_storage::~chunked_storage() {
    for_each_chunk([this](std::byte* begin, std::uint32_t parts) { give_upstream(begin, parts); });
}

/// Calls `visit(begin, parts)` for every chunk. Parts that are not open count.
template <class Visit>
void chunked_storage::for_each_chunk(Visit visit) const noexcept {
    for (std::uint32_t number = 0; number < number_of(capacity()); ++number) {
        if (is_open(number) && parts_[number].parts != 0) {
            visit(part_at(number), parts_[number].parts);
        }
    }
}

std::uint64_t chunked_storage::missing_in(std::uint32_t word) const noexcept {
    std::uint64_t missing = 0;
    for (std::uint64_t bit = 0; bit < word_blocks; ++bit) {
        const std::uint64_t index = std::uint64_t{word} * word_blocks + bit;
        if (index < capacity() && !is_open(number_of(index))) {
            missing |= std::uint64_t{1} << bit;
        }
    }
    return missing;
}

block_range chunked_storage::grow() noexcept {
    if (max_capacity_ == 0 || (to_open_ == to_open_end_ && !take_chunk())) {
        return {};
    }
    const std::uint32_t number = to_open_;
    if (!directory_.add(to_open_begin_, number)) {
        if (parts_[number].parts != 0) { // the chunk would stay without an open part
            (void)return_chunk(blocks_of(number, number));
        }
        return {};
    }
    const block_range blocks = blocks_of(number, number + 1);
    std::memset(records_ + std::size_t{blocks.first} * record_bytes_,
                0, // never handed out
                std::size_t{blocks.end - blocks.first} * record_bytes_);
    set_part(number, to_open_begin_);
    ++to_open_;
    to_open_begin_ += part_bytes();
    if (blocks.end <= capacity()) {
        missing_ -= blocks.end - blocks.first;
    } else {
        capacity_.store(blocks.end, std::memory_order_relaxed);
    }
    return blocks;
}

/// Takes a chunk, no part of which is open yet: in the place of one that went back, or else after
/// all others. Such a chunk begins at a multiple of its own size and is no larger than all before
/// it. If the upstream refuses, half of it will do.
bool chunked_storage::take_chunk() noexcept {
    const bool fills_gap = first_gap_ != chunk_directory::none;
    const std::uint32_t first = fills_gap ? first_gap_ : number_of(capacity());
    const std::uint32_t room = fills_gap ? parts_[first].parts : number_of(max_capacity_) - first;
    const std::uint32_t doubling = first == 0 ? 1 : first & (~first + 1);
    std::uint32_t parts = std::bit_floor(std::min({room, doubling, most_parts_}));
    std::byte* begin = nullptr;
    for (; parts != 0 && begin == nullptr; parts /= begin == nullptr ? 2 : 1) {
        begin = ask_upstream(parts);
    }
    if (begin == nullptr) {
        return false;
    }
    if (fills_gap) {
        first_gap_ = parts_[first].next_gap;
        if (room != parts) {
            parts_[first + parts].parts = room - parts;
            parts_[first + parts].next_gap = first_gap_;
            first_gap_ = first + parts;
        }
    }
    parts_[first].parts = parts;
    to_open_ = first;
    to_open_end_ = first + parts;
    to_open_begin_ = begin;
    return true;
}

/// Memory for `parts` parts; nullptr when none is available.
std::byte* chunked_storage::ask_upstream(std::uint32_t parts) noexcept {
    const std::size_t bytes = parts * part_bytes();
    if (budget_ != nullptr && budget_->take(1, bytes) == 0) {
        return nullptr;
    }
    void* begin = nullptr;
    attempt([&] { begin = upstream_->allocate(bytes, alignment_); });
    if (begin != nullptr) {
        poison(begin, bytes);
        taken_ += parts;
    } else if (budget_ != nullptr) {
        budget_->give_back(1, bytes);
    }
    return static_cast<std::byte*>(begin);
}

void chunked_storage::give_upstream(std::byte* chunk, std::uint32_t parts) noexcept {
    const std::size_t bytes = parts * part_bytes();
    unpoison(chunk, bytes);
    upstream_->deallocate(chunk, bytes, alignment_);
    taken_ -= parts;
    if (budget_ != nullptr) {
        budget_->give_back(1, bytes);
    }
}

block_range chunked_storage::chunk_before(std::uint32_t index) const noexcept {
    for (std::uint32_t number = number_of(index + local_mask_); number > 0; --number) {
        const std::uint32_t first = number - 1;
        const std::uint32_t parts = is_open(first) ? parts_[first].parts : 0;
        if (parts != 0) {
            const std::uint32_t end = first + parts;
            return blocks_of(first, end == to_open_end_ ? to_open_ : end);
        }
    }
    return {};
}

/// Returns the chunk that has these blocks, whose last parts may not be open. Returns its bytes.
std::size_t chunked_storage::return_chunk(block_range blocks) noexcept {
    const std::uint32_t first = number_of(blocks.first);
    const std::uint32_t parts = parts_[first].parts;
    const block_range whole = blocks_of(first, first + parts);
    std::byte* const begin = blocks.empty() ? to_open_begin_ : part_at(first);
    for (std::uint32_t number = first; number < number_of(blocks.end); ++number) {
        directory_.remove(part_at(number), number);
        set_part(number, nullptr);
    }
    missing_ += blocks.end - blocks.first;
    parts_[first].parts = 0;
    if (to_open_end_ == first + parts) {
        to_open_ = to_open_end_;
    }
    if (whole.end < capacity()) {
        parts_[first].parts = parts;
        parts_[first].next_gap = first_gap_;
        first_gap_ = first;
    } else { // the last one, perhaps with parts that no index below the capacity leads to
        missing_ -= capacity() - whole.first;
        capacity_.store(whole.first, std::memory_order_relaxed);
    }
    give_upstream(begin, parts);
    return parts * part_bytes();
}

bool chunked_storage::owns(const void* address) const noexcept {
    return report_on(address).reason != misuse::foreign;
}

misuse_report chunked_storage::report_on(const void* address) const noexcept {
    const std::uint32_t number = directory_.chunk_near(address);
    if (number != chunk_directory::none && is_open(number)) {
        const std::byte* const begin = part_at(number);
        const misuse_report report =
            misuse_report::of(address, begin, stride_.bytes(), part_bytes() / stride_.bytes());
        if (report.reason != misuse::foreign) {
            return report;
        }
    }
    misuse_report foreign;
    foreign.address = address;
    return foreign;
}

void chunked_storage::unpoison_all() const noexcept {
    for_each_chunk(
        [this](std::byte* begin, std::uint32_t parts) { unpoison(begin, parts * part_bytes()); });
}

void chunked_storage::add_memory_stats(pool_stats& stats) const noexcept {
    stats.bytes_metadata = metadata_.committed();
    stats.bytes_committed = taken_ * part_bytes() + stats.bytes_metadata;
}

} // namespace detail

MILLPOND_NAMESPACE_END

#endif
