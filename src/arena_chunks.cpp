// SPDX-License-Identifier: MIT
/// \file
/// What an arena does with an upstream: it goes on from chunk to chunk when it moves up, and back
/// through them when it moves down.

#include "millpond/base/bits.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/pool/arena_core.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

/// Enough to make a chunk worth a call of the upstream.
constexpr std::size_t chunk_bytes_least = 1024;

/// Rounded up so that what lies after the header is aligned.
constexpr std::size_t header_bytes = round_up(sizeof(arena_chunk), alignof(std::max_align_t));

/// Chunks may be neighbours in memory; each ends before the next begins, so that a position belongs
/// to only one.
constexpr std::size_t gap_bytes = 1;

} // namespace

std::byte*
arena_core::take_in_chunk(std::size_t before, std::size_t bytes, std::size_t alignment) noexcept {
    if (bytes > most_bytes || alignment > most_bytes) {
        return nullptr;
    }
    const std::size_t enough = before + bytes + alignment - 1; // wherever the chunk begins
    const arena_chunk* next = current_->newer;
    if (next == nullptr || next->bytes() < enough) { // the kept ones stay behind it
        next = add_chunk(*current_, enough);
    }
    if (next == nullptr) {
        return nullptr;
    }
    step_forward();
    return take_here(distance(before, alignment), bytes);
}

arena_chunk* arena_core::add_chunk(arena_chunk& before, std::size_t bytes) noexcept {
    const std::size_t wanted =
        std::max({bytes, std::min(capacity(), most_bytes), chunk_bytes_least});
    const std::size_t all = round_up(header_bytes + wanted + gap_bytes, alignof(std::max_align_t));
    void* place = nullptr;
    attempt([&] { place = upstream_->allocate(all, alignof(std::max_align_t)); });
    if (place == nullptr) {
        return nullptr;
    }
    auto* const chunk = ::new (place) arena_chunk;
    chunk->first = static_cast<std::byte*>(place) + header_bytes;
    chunk->top = chunk->first;
    chunk->end = static_cast<std::byte*>(place) + all - gap_bytes;
    chunk->from_upstream = all;
    chunk->older = &before;
    chunk->newer = before.newer;
    if (chunk->newer != nullptr) {
        chunk->newer->older = chunk;
    }
    before.newer = chunk;
    kept_bytes_ += chunk->bytes();
    poison(chunk->first, chunk->bytes());
    return chunk;
}

void arena_core::step_forward() noexcept {
    current_->first = first_;
    current_->top = top_;
    current_->end = end_;
    arena_chunk* const next = current_->newer;
    next->below = size();
    below_ = next->below;
    current_ = next;
    first_ = next->first;
    top_ = first_;
    end_ = next->end;
    free_limit_ = first_;
    kept_bytes_ -= next->bytes();
}

void arena_core::step_back() noexcept {
    lower(first_);
    current_->top = first_;
    kept_bytes_ += current_->bytes();
    current_ = current_->older;
    first_ = current_->first;
    top_ = current_->top;
    end_ = current_->end;
    below_ = current_->below;
    free_limit_ = top_;
}

std::size_t arena_core::return_kept() noexcept {
    std::size_t returned = 0;
    arena_chunk* chunk = current_->newer;
    while (chunk != nullptr) {
        arena_chunk* const next = chunk->newer;
        const std::size_t bytes = chunk->from_upstream;
        unpoison(chunk->first, chunk->bytes());
        upstream_->deallocate(chunk, bytes, alignof(std::max_align_t));
        returned += bytes;
        chunk = next;
    }
    current_->newer = nullptr;
    kept_bytes_ = 0;
    return returned;
}

std::size_t arena_core::size_in_older(const std::byte* position) const noexcept {
    const auto address = reinterpret_cast<std::uintptr_t>(position);
    for (const arena_chunk* chunk = current_->older; chunk != nullptr; chunk = chunk->older) {
        const std::uintptr_t offset = address - reinterpret_cast<std::uintptr_t>(chunk->first);
        if (offset <= static_cast<std::size_t>(chunk->top - chunk->first)) {
            return chunk->below + offset;
        }
    }
    return nowhere;
}

bool arena_core::owns(const void* address) const noexcept {
    if (offset_of(address) < static_cast<std::size_t>(end_ - first_)) {
        return true;
    }
    for (const arena_chunk* chunk = &own_; chunk != nullptr; chunk = chunk->newer) {
        const std::uintptr_t offset = reinterpret_cast<std::uintptr_t>(address) -
                                      reinterpret_cast<std::uintptr_t>(chunk->first);
        if (chunk != current_ && offset < chunk->bytes()) {
            return true;
        }
    }
    return false;
}

verdict arena_core::verify_chunks() const noexcept {
    std::size_t kept = 0;
    for (const arena_chunk* chunk = current_->newer; chunk != nullptr; chunk = chunk->newer) {
        if (chunk->older->newer != chunk || chunk->top != chunk->first) {
            return {"a kept chunk is in use or out of order", kept};
        }
        kept += chunk->bytes();
    }
    if (kept != kept_bytes_) {
        return {"the kept chunks are not as large as is noted", kept};
    }
    std::size_t above = below_;
    for (const arena_chunk* chunk = current_->older; chunk != nullptr; chunk = chunk->older) {
        const auto used = static_cast<std::size_t>(chunk->top - chunk->first);
        if (chunk->newer->older != chunk || chunk->top > chunk->end ||
            above != chunk->below + used) {
            return {"an older chunk is out of order or in use otherwise than is noted", above};
        }
        above = chunk->below;
    }
    return above == 0 ? verdict{} : verdict{"bytes are in use below the first", above};
}

} // namespace detail

MILLPOND_NAMESPACE_END
