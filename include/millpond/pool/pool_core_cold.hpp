// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The parts of pool_core that are not on the path of a single block: many blocks at once, the whole
/// pool, misuse, self-check. Included by pool_core.hpp only.

#include "millpond/pool/pool_core.hpp"

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <block_storage Storage, std::uint32_t MagazineEntries>
std::size_t pool_core<Storage, MagazineEntries>::try_allocate_bulk(std::span<void*> out) noexcept {
    std::size_t count = 0;
    if (front_ != nullptr && count < out.size()) {
        unpoison(front_, storage_.stride_bytes());
        out[count++] = front_;
        front_ = nullptr;
    }
    while (count < out.size() && !magazine_.empty()) {
        out[count++] = take();
    }
    while (count < out.size()) {
        if (current_.mask == 0 && !claim()) {
            count_failure();
            break;
        }
        do {
            out[count++] = take_current();
        } while (count < out.size() && current_.mask != 0);
    }
    return count;
}

template <block_storage Storage, std::uint32_t MagazineEntries>
bool pool_core<Storage, MagazineEntries>::can_allocate(std::size_t blocks) noexcept {
    while (blocks > storage_.capacity() - missing_of(storage_) - live()) {
        const bool fits = blocks <= storage_.max_capacity() - live();
        const block_range more = fits ? storage_.grow() : block_range{};
        if (more.empty()) {
            count_failure();
            return false;
        }
        if constexpr (leaves_gaps<Storage>) {
            if (more.first < frontier_) { // the gap of a chunk that shrink() returned
                give_back_all(more);
            }
        }
    }
    return true;
}

template <block_storage Storage, std::uint32_t MagazineEntries>
bool pool_core<Storage, MagazineEntries>::can_hold(std::size_t blocks) noexcept {
    return blocks <= live() || can_allocate(blocks - live());
}

template <block_storage Storage, std::uint32_t MagazineEntries>
void pool_core<Storage, MagazineEntries>::deallocate_bulk(std::span<void* const> blocks) noexcept {
    spill_front();
    for (void* const block : blocks) {
        std::uint64_t index; // set by accept()
        if (accept(block, index)) [[likely]] {
            storage_.states()[index] = block_state::freed;
            poison(block, storage_.stride_bytes());
            gather(index);
        }
    }
}

template <block_storage Storage, std::uint32_t MagazineEntries>
void pool_core<Storage, MagazineEntries>::clear() noexcept {
    if (frontier_ == 0) {
        return; // all blocks are fresh, or there are none
    }
    static_assert(!leaves_gaps<Storage>, "a gap is not fresh");
    poison(storage_.blocks(), std::size_t{frontier_} * storage_.stride_bytes());
    std::memset(storage_.states(), 0, frontier_);
    bits().clear(frontier_);
    front_ = nullptr;
    magazine_.clear();
    current_ = {};
    gathered_ = {};
    frontier_ = 0;
    claimed_ = 0;
}

template <block_storage Storage, std::uint32_t MagazineEntries>
std::size_t pool_core<Storage, MagazineEntries>::shrink() noexcept {
    spill();
    retract_frontier();
    std::size_t returned = 0;
    std::uint64_t run = 0; // first block of the current run of free ones; may be 2^32, at the end
    for (std::uint64_t block = 0; block < frontier_; ++block) {
        const auto index = static_cast<std::uint32_t>(block);
        if (index % word_blocks == 0 && bits().free_in(index / word_blocks) == 0) {
            returned += discard_blocks(run, block);
            block += word_blocks - 1;
            run = block + 1;
        } else if (!bits().is_free(index)) {
            returned += discard_blocks(run, block);
            run = block + 1;
        }
    }
    returned += discard_blocks(run < frontier_ ? run : frontier_, storage_.capacity());
    if constexpr (requires { storage_.retract(frontier_); }) {
        storage_.retract(frontier_);
    }
    return returned;
}

template <block_storage Storage, std::uint32_t MagazineEntries>
pool_stats pool_core<Storage, MagazineEntries>::stats() const noexcept {
    pool_stats now;
    now.capacity = storage_.capacity() - missing_of(storage_);
    now.live = live();
    now.free = now.capacity - now.live;
    now.high_water = high_water_;
    now.max_capacity = storage_.max_capacity();
    now.block_bytes = storage_.stride_bytes();
    now.failures = failures_;
    storage_.add_memory_stats(now);
    return now;
}

template <block_storage Storage, std::uint32_t MagazineEntries>
void pool_core<Storage, MagazineEntries>::retire() noexcept {
    storage_.unpoison_all();
    // No block is left, so that the next allocation comes to count_failure().
    magazine_.clear();
    current_ = {};
    gathered_ = {};
    frontier_ = storage_.capacity();
    front_ = nullptr;
    gone_ = misuse::pool_destroyed;
    storage_.retire();
    // Without this the compiler drops the stores above: they are the object's last.
    asm volatile("" : : "r"(this) : "memory");
}

template <block_storage Storage, std::uint32_t MagazineEntries>
void* pool_core<Storage, MagazineEntries>::count_failure() noexcept {
    if (gone_ == misuse::pool_destroyed) {
        stop_on_misuse({.pool_name = name_.c_str(), .reason = call_misuse::pool_destroyed});
    }
    ++failures_;
    return nullptr;
}

template <block_storage Storage, std::uint32_t MagazineEntries>
void pool_core<Storage, MagazineEntries>::spill_front() noexcept {
    if (front_ != nullptr) {
        const std::uint64_t index = index_of(front_);
        storage_.states()[index] = block_state::freed;
        front_ = nullptr;
        gather(index);
    }
}

template <block_storage Storage, std::uint32_t MagazineEntries>
void pool_core<Storage, MagazineEntries>::spill() noexcept {
    spill_front();
    while (!magazine_.empty()) {
        evict();
    }
    flush_gathered();
    if (current_.mask != 0) {
        bits().give_back(current_.word, current_.mask);
        current_.mask = 0;
    }
}

template <block_storage Storage, std::uint32_t MagazineEntries>
void pool_core<Storage, MagazineEntries>::take_over(pool_core& other) noexcept {
    front_ = other.front_;
    magazine_ = other.magazine_;
    frontier_ = other.frontier_;
    claimed_ = other.claimed_;
    current_ = other.current_;
    gathered_ = other.gathered_;
    high_water_ = other.high_water_;
    failures_ = other.failures_;
    name_ = other.name_;
    gone_ = other.gone_;
    other.front_ = nullptr;
    other.magazine_.clear();
    other.current_ = {};
    other.gathered_ = {};
    other.frontier_ = 0;
    other.claimed_ = 0;
    other.gone_ = misuse::pool_moved_from;
}

template <block_storage Storage, std::uint32_t MagazineEntries>
misuse_report pool_core<Storage, MagazineEntries>::report_on(const void* address,
                                                             bool& is_live) const noexcept {
    misuse_report report = storage_.report_on(address);
    report.pool_name = name_.c_str();
    is_live = false;
    if (gone_ != misuse::foreign) {
        report.reason = gone_;
    } else if (report.reason == misuse::freed_twice) {
        const block_state state = storage_.states()[index_of(address)];
        is_live = state == block_state::live && !is_front(address);
        report.reason = state == block_state::never ? misuse::never_allocated : report.reason;
    }
    return report;
}

template <block_storage Storage, std::uint32_t MagazineEntries>
void pool_core<Storage, MagazineEntries>::refuse(const void* block) const noexcept {
    bool is_live = false; // of no concern: the caller has found that it is not
    stop_on_misuse(report_on(block, is_live));
}

template <block_storage Storage, std::uint32_t MagazineEntries>
std::size_t pool_core<Storage, MagazineEntries>::discard_blocks(std::uint64_t first,
                                                                std::uint64_t end) noexcept {
    if (first >= end) {
        return 0;
    }
    if constexpr (leaves_gaps<Storage>) {
        return storage_.discard(first, end, [this](block_range gone) { take_out(gone); });
    } else {
        const std::size_t stride = storage_.stride_bytes();
        return storage_.discard(static_cast<std::size_t>(first) * stride,
                                static_cast<std::size_t>(end) * stride);
    }
}

/// Makes blocks of the occupancy unavailable: their chunk goes back to where it came from.
template <block_storage Storage, std::uint32_t MagazineEntries>
void pool_core<Storage, MagazineEntries>::take_out(block_range blocks) noexcept {
    for_each_word(blocks, [this](std::uint32_t word, std::uint64_t mask) {
        const occupancy::claimed_word claimed = bits().claim_word(word);
        if ((claimed.mask & ~mask) != 0) {
            bits().give_back(word, claimed.mask & ~mask);
        }
    });
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
    if (frontier_ != claimed_ + in_occupancy + missing_of(storage_)) {
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
