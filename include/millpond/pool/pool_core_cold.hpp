// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The parts of pool_core that run when something is wrong, or asked for rarely: misuse, self-check,
/// trimming. Included by pool_core.hpp only.

#include "millpond/pool/pool_core.hpp"

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <block_storage Storage, std::uint32_t MagazineEntries>
void pool_core<Storage, MagazineEntries>::refuse(const void* block) const noexcept {
    misuse reason = gone_;
    if (reason == misuse::foreign) {
        const std::uint64_t offset = offset_of(block);
        const std::uint64_t index = storage_.index_of(offset);
        if (index < storage_.max_capacity()) {
            reason = storage_.states()[index] == block_state::never ? misuse::never_allocated
                                                                    : misuse::freed_twice;
        } else if (offset < std::uint64_t{storage_.max_capacity()} * storage_.stride_bytes()) {
            reason = misuse::inside_a_block;
        }
    }
    stop_on_misuse({.pool_name = name_.c_str(),
                    .reason = reason,
                    .address = block,
                    .first_block = storage_.blocks(),
                    .block_bytes = storage_.stride_bytes(),
                    .capacity_blocks = storage_.max_capacity()});
}

template <block_storage Storage, std::uint32_t MagazineEntries>
void pool_core<Storage, MagazineEntries>::retract_frontier() noexcept {
    while (frontier_ > 0 && bits().is_free(frontier_ - 1)) {
        const std::uint32_t word = (frontier_ - 1) / word_blocks;
        const occupancy::claimed_word claimed = bits().claim_word(word);
        const std::uint32_t used = frontier_ - word * word_blocks;
        const std::uint64_t taken = ~claimed.mask & (~std::uint64_t{0} >> (word_blocks - used));
        const auto kept = static_cast<std::uint32_t>(std::bit_width(taken));
        const std::uint64_t still_free = claimed.mask & ~taken & ((std::uint64_t{1} << kept) - 1);
        if (kept != 0 && still_free != 0) {
            bits().give_back(word, still_free);
        }
        frontier_ = word * word_blocks + kept;
    }
}

/// True for a block in the occupancy, in the current word or among the gathered.
template <block_storage Storage, std::uint32_t MagazineEntries>
bool pool_core<Storage, MagazineEntries>::is_waiting(std::uint32_t index) const noexcept {
    const std::uint32_t word = index / word_blocks;
    std::uint64_t mask = bits().free_in(word);
    mask |= current_.word == word ? current_.mask : 0;
    mask |= gathered_.word == word ? gathered_.mask : 0;
    return (mask >> (index % word_blocks) & 1) != 0;
}

template <block_storage Storage, std::uint32_t MagazineEntries>
verdict pool_core<Storage, MagazineEntries>::verify() const noexcept {
    const std::uint32_t inconsistent = bits().first_inconsistency(storage_.capacity());
    if (inconsistent != occupancy::none) {
        return {"a summary bit disagrees with the words below it", inconsistent};
    }
    std::uint32_t marked_live = 0;
    std::uint32_t in_occupancy = 0;
    for (std::uint32_t index = 0; index < storage_.capacity(); ++index) {
        const bool live_state = storage_.states()[index] == block_state::live;
        const bool is_free = is_waiting(index);
        if (live_state && is_free) {
            return {"a block is live and free at once", index};
        }
        if (index >= frontier_ && (live_state || is_free)) {
            return {"a block beyond the frontier is in use", index};
        }
        marked_live += live_state ? 1U : 0U;
        in_occupancy += is_free ? 1U : 0U;
    }
    for (std::uint32_t i = 0; i < magazine_.size(); ++i) {
        const std::uint64_t index = index_of(magazine_.oldest(i));
        if (index >= frontier_) {
            return {"the magazine holds an address that is no block", i};
        }
        if (storage_.states()[index] != block_state::freed ||
            is_waiting(static_cast<std::uint32_t>(index))) {
            return {"the magazine holds a block that is live or free elsewhere",
                    static_cast<std::size_t>(index)};
        }
    }
    if (front_ != nullptr && (index_of(front_) >= frontier_ ||
                              storage_.states()[index_of(front_)] != block_state::live)) {
        return {"the front is not a block that is marked live", 0};
    }
    if (marked_live != live() + (front_ != nullptr ? 1U : 0U)) {
        return {"live + front differs from the blocks marked live", marked_live};
    }
    if (frontier_ != claimed_ + in_occupancy) {
        return {"claimed + current + gathered + occupancy differs from the frontier", in_occupancy};
    }
    if (frontier_ > storage_.capacity() || storage_.capacity() > storage_.max_capacity()) {
        return {"frontier <= capacity <= max_capacity does not hold", frontier_};
    }
    if (claimed_ < magazine_.size() || claimed_ > high_water_) {
        return {"magazine <= claimed <= high water does not hold", claimed_};
    }
    return {};
}

} // namespace detail

MILLPOND_NAMESPACE_END
