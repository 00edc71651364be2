// SPDX-License-Identifier: MIT
/// \file
/// Adding chunks to the directory.

#include "millpond/pool/chunk_directory.hpp"

#include "millpond/base/error.hpp"

#include <algorithm>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

chunk_directory::chunk_directory(const pool_name& name,
                                 std::size_t chunk_bytes,
                                 std::size_t most_chunks)
    : granule_log2_(static_cast<int>(std::bit_width(chunk_bytes)) - 1)
    , chunk_bytes_(chunk_bytes)
    // A chunk is less than two granules long, so it lies in three at most; half of a table stays empty.
    , most_entries_(std::max(smallest_table, std::bit_ceil(6 * most_chunks))) {
    mapping_options mapping;
    mapping.name = name;
    mapping.bytes = 2 * most_entries_ * sizeof(entry);
    memory_ = region::mapped(mapping);
    memory_.commit_or_throw(name, mapping.bytes);
}

bool chunk_directory::add(const std::byte* chunk, std::uint32_t number) noexcept {
    const auto first = reinterpret_cast<std::uintptr_t>(chunk);
    const bool is_added = for_each_granule(chunk, [&](std::uint64_t granule) {
        entry* const here = find_or_add(granule);
        if (here == nullptr) {
            return false;
        }
        if (granule == first >> granule_log2_) {
            store(here->upper, number);
            store(here->split, std::uint64_t{first});
        } else {
            store(here->lower, number);
        }
        return true;
    });
    if (!is_added) {
        remove(chunk, number);
    }
    return is_added;
}

void chunk_directory::remove(const std::byte* chunk, std::uint32_t number) noexcept {
    const std::size_t size = size_.load(std::memory_order_relaxed); // this thread writes it
    for_each_granule(chunk, [&](std::uint64_t granule) {
        entry* const here = find(size, granule);
        if (here == nullptr || !here->has_chunk()) {
            return true; // the chunk was not added whole
        }
        if (here->upper == number) {
            store(here->split, no_split);
            store(here->upper, none);
        }
        if (here->lower == number) {
            store(here->lower, none);
        }
        entries_ -= here->has_chunk() ? 0U : 1U;
        return true;
    });
}

chunk_directory::entry* chunk_directory::find_or_add(std::uint64_t granule) noexcept {
    while (true) {
        const std::size_t size = size_.load(std::memory_order_relaxed); // this thread writes it
        entry* const here = find_or_add(size, granule);
        if (here != nullptr && 2 * entries_ <= size) {
            return here;
        }
        entries_ -= here != nullptr && !here->has_chunk() ? 1U : 0U; // it was new, and is of no use
        if (!grow()) {
            return nullptr;
        }
    }
}

/// The granule's entry; a new one in the place of one without chunks if need be; or nullptr. A new
/// one is counted, and has a chunk when the caller is done with it.
chunk_directory::entry* chunk_directory::find_or_add(std::size_t size,
                                                     std::uint64_t granule) noexcept {
    entry* vacant = nullptr;
    std::size_t at = hash(granule);
    for (std::size_t i = 0; i < longest_search; ++i, ++at) {
        entry& here = table(size)[at & (size - 1)];
        const bool is_known = here.key == granule + 1;
        if (is_known && here.has_chunk()) {
            return &here;
        }
        if (is_known || here.key == 0) {
            vacant = is_known || vacant == nullptr ? &here : vacant;
            break;
        }
        vacant = vacant == nullptr && !here.has_chunk() ? &here : vacant;
    }
    if (vacant != nullptr) {
        store(vacant->split, no_split);
        store(vacant->lower, none);
        store(vacant->upper, none);
        store(vacant->key, granule + 1);
        ++entries_;
    }
    return vacant;
}

/// Copies all entries that have a chunk into the next larger table, or an even larger one if a
/// search would take too long.
bool chunk_directory::grow() noexcept {
    const std::size_t old = size_.load(std::memory_order_relaxed); // this thread writes it
    const std::size_t before = entries_;
    for (std::size_t size = 2 * old; size <= most_entries_; size *= 2) {
        entries_ = 0;
        bool has_room = true;
        for (std::size_t i = 0; i < old && has_room; ++i) {
            const entry& from = table(old)[i];
            if (from.key != 0 && from.has_chunk()) {
                entry* const to = find_or_add(size, from.key - 1);
                has_room = to != nullptr;
                if (has_room) {
                    to->split = from.split;
                    to->lower = from.lower;
                    to->upper = from.upper;
                }
            }
        }
        if (has_room) {
            size_.store(size, std::memory_order_release); // pairs with the acquire in chunk_near()
            return true;
        }
    }
    entries_ = before;
    return false;
}

} // namespace detail

MILLPOND_NAMESPACE_END
