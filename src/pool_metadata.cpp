// SPDX-License-Identifier: MIT
/// \file
/// Committing what is known about a pool's blocks.

#include "millpond/pool/pool_metadata.hpp"

#include "millpond/base/bits.hpp"
#include "millpond/base/error.hpp"
#include "millpond/pool/block_memory.hpp"

#include <algorithm>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

pool_metadata::pool_metadata(const metadata_layout& layout, region memory) noexcept
    : memory_(std::move(memory))
    , layout_(layout)
    , leading_end_(layout.bytes())
    , fixed_begin_(layout.bytes())
    , end_(layout.bytes()) {}

pool_metadata::pool_metadata(const metadata_layout& layout,
                             mapping_options mapping,
                             std::size_t capacity,
                             std::size_t step_bytes)
    : layout_(layout)
    , step_bytes_(step_bytes) {
    const bool is_whole = layout.bytes() <= step_bytes || capacity == layout.max_capacity;
    const std::size_t ready = is_whole ? layout.max_capacity : capacity;
    mapping.bytes = layout.bytes();
    mapping.readable = !is_whole;
    memory_ = region::mapped(mapping);
    fixed_begin_ = is_whole ? 0 : layout.fixed_offset() & ~(memory_.page_bytes() - 1);
    end_ = fixed_begin_;
    if (const int error = cover(ready); error != 0) {
        const std::size_t bytes =
            layout.end_for(ready) - layout.fixed_offset() + layout.leading_bytes(ready);
        throw_os_refusal(
            mapping.name.c_str(), memory_.commit_request(), bytes, memory_.page_bytes(), error);
    }
}

int pool_metadata::cover(std::size_t blocks) noexcept {
    const int error = cover_leading(blocks);
    return error != 0 ? error : extend(end_, fixed_begin_, layout_.end_for(blocks), memory_.size());
}

int pool_metadata::cover_leading(std::size_t blocks) noexcept {
    return extend(leading_end_, 0, layout_.leading_bytes(blocks), fixed_begin_);
}

/// Commits from `end` to `needed`; no page at or beyond `limit`, where other metadata lies.
int pool_metadata::extend(std::size_t& end,
                          std::size_t first,
                          std::size_t needed,
                          std::size_t limit) noexcept {
    if (needed <= end || end == limit) {
        return 0;
    }
    const std::size_t page = memory_.page_bytes();
    const auto whole = [&](std::size_t bytes) { return std::min(round_up(bytes, page), limit); };
    const std::size_t least = whole(needed);
    std::size_t target = std::max(least, whole(end + growth_step(end - first, step_bytes_)));
    int error = memory_.commit(end, target);
    if (is_shortage(error) && target != least) {
        target = least;
        error = memory_.commit(end, target);
    }
    end = error == 0 ? target : end;
    return error;
}

std::size_t pool_metadata::leading_capacity() const noexcept {
    if (leading_end_ == fixed_begin_) {
        return layout_.max_capacity;
    }
    return leading_end_ / sizeof(std::uint64_t) * layout_.leading_blocks;
}

std::size_t pool_metadata::committed() const noexcept {
    return std::min(leading_end_ + end_ - fixed_begin_, layout_.bytes());
}

} // namespace detail

MILLPOND_NAMESPACE_END
