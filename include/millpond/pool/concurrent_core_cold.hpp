// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The parts of concurrent_core that are not on the path of a single block: threads that come and go,
/// many blocks at once, waiting, reservation, the whole pool. Included by concurrent_core.hpp only.

#include "millpond/pool/concurrent_core.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <class Storage>
template <class Source>
concurrent_core<Storage>::concurrent_core(const pool_name& name,
                                          const concurrent_layout& layout,
                                          free_check check,
                                          const Source& source)
    : storage_(name, layout.blocks, source)
    , limits_(layout.limits)
    , capacity_(layout.promised)
    , growth_lock_(layout.growth_lock)
    , check_(check)
    , name_(name) {
    std::byte* const extra = storage_.extra();
    const std::size_t cache_bytes = limits_.threads * sizeof(thread_cache);
    caches_ = reinterpret_cast<thread_cache**>(extra);
    asks_ = reinterpret_cast<std::uint64_t*>(extra + cache_table_bytes);
    seats_ = reinterpret_cast<thread_cache*>(extra + cache_table_bytes + asks_bytes);
    if (growth_lock_ == nullptr) {
        reserved_words_ =
            reinterpret_cast<std::uint64_t*>(extra + cache_table_bytes + asks_bytes + cache_bytes);
    }
    bits().rebuild([this](std::uint32_t word) { return blocks_in(word); });
    if constexpr (poison_granule_bytes > 1) { // the storage has poisoned them to the byte
        storage_.unpoison_all();
        for (std::uint32_t index = 0; index < storage_.capacity(); ++index) {
            shade(block_at(index));
        }
    }
    begin_use(
        [](thread_user& user, std::uint32_t index) noexcept {
            static_cast<concurrent_core&>(user).end_thread(index);
        },
        [](thread_user& user, std::uint32_t own_index) noexcept {
            static_cast<concurrent_core&>(user).recover(own_index);
        });
}

// --- threads that come and go -------------------------------------------------------------------

template <class Storage>
thread_cache* concurrent_core<Storage>::join() noexcept {
    require_alive();
    if (limits_.threads == 0) {
        return nullptr;
    }
    const std::uint32_t index = claim_thread_index();
    if (index == no_thread_index || caches_[index] != nullptr) {
        return caches_[index];
    }
    for (std::uint32_t seat = 0; seat < limits_.threads; ++seat) {
        std::uint64_t& word = shared_.seats[seat / word_blocks];
        const std::uint64_t bit = std::uint64_t{1} << (seat % word_blocks);
        if ((atomic_load(word, std::memory_order_relaxed) & bit) != 0) {
            continue;
        }
        // Acquire pairs with the release in end_thread(): the last owner left the cache empty.
        if ((atomic_or(word, bit, std::memory_order_acquire) & bit) == 0) {
            seats_[seat].help = {
                asks_, limits_.threads, seat, seat, seat * 24 % word_blocks, false};
            caches_[index] = &seats_[seat];
            return caches_[index];
        }
    }
    return nullptr;
}

template <class Storage>
void concurrent_core<Storage>::end_thread(std::uint32_t index) noexcept {
    thread_cache* const cache = caches_[index];
    if (cache == nullptr) {
        return;
    }
    spill(*cache);
    caches_[index] = nullptr;
    const auto seat = static_cast<std::uint32_t>(cache - seats_);
    const std::uint64_t bit = std::uint64_t{1} << (seat % word_blocks);
    // Release pairs with the acquire in join().
    atomic_and(shared_.seats[seat / word_blocks], ~bit, std::memory_order_release);
    wake_if_waiting();
}

/// Every block that is neither live nor set aside becomes free: only the states count.
template <class Storage>
void concurrent_core<Storage>::recover(std::uint32_t own_index) noexcept {
    for (std::uint32_t seat = 0; seat < limits_.threads; ++seat) {
        const bool used = (shared_.seats[seat / word_blocks] >> (seat % word_blocks) & 1) != 0;
        if (used && &seats_[seat] != caches_[own_index]) {
            seats_[seat] = thread_cache{};
        }
    }
    thread_cache* const own = caches_[own_index];
    std::fill_n(caches_, thread_indices + 1, nullptr);
    std::fill_n(asks_, thread_indices + 1, std::uint64_t{0});
    shared_ = shared_counts{};
    waiting_ = waiting_counts{};
    if (own != nullptr) {
        const auto seat = static_cast<std::uint32_t>(own - seats_);
        own->kept.clear();
        own->current = {};
        own->gathered = {};
        caches_[own_index] = own;
        shared_.seats[seat / word_blocks] = std::uint64_t{1} << (seat % word_blocks);
    }
    if (reserved_words_ != nullptr) {
        reserved().rebuild([this](std::uint32_t word) { return reserved_words_[word]; });
    }
    bits().rebuild([this](std::uint32_t word) {
        std::uint64_t free = blocks_in(word) & ~reserved_in(word);
        for (std::uint64_t rest = free; rest != 0; rest &= rest - 1) {
            const auto bit = trailing_zeros(rest);
            if (state_of(std::uint64_t{word} * word_blocks + bit) == block_state::live) {
                free &= ~(std::uint64_t{1} << bit);
            }
        }
        return free;
    });
}

// --- without a cache ----------------------------------------------------------------------------

template <class Storage>
void* concurrent_core<Storage>::try_allocate_slow() noexcept {
    thread_cache* const cache = join();
    return cache != nullptr ? try_allocate(*cache) : try_allocate_directly();
}

template <class Storage>
void concurrent_core<Storage>::deallocate_slow(void* block, std::uint64_t index) noexcept {
    mark_freed_or_refuse(block, index);
    finish_free(block, join());
}

template <class Storage>
void concurrent_core<Storage>::put_back_directly(std::uint64_t index) noexcept {
    shade(block_at(index));
    bits().give_back(static_cast<std::uint32_t>(index / word_blocks),
                     std::uint64_t{1} << (index % word_blocks));
    wake_if_waiting();
}

template <class Storage>
void concurrent_core<Storage>::put_back_fresh(void* block) noexcept {
    const std::uint64_t index = index_of(block);
    set_state(index, block_state::never);
    put_back_directly(index);
}

template <class Storage>
void concurrent_core<Storage>::require_live(const void* block) const noexcept {
    const std::uint64_t index = index_of(block);
    if (!is_block(index)) [[unlikely]] {
        refuse_unless_null(block);
    } else if (checked_build && state_of(index) != block_state::live) {
        refuse(block, misuse::freed_twice);
    }
}

template <class Storage>
void concurrent_core<Storage>::deallocate_directly(void* block) noexcept {
    if (begin_free(block)) {
        put_back_directly(index_of(block));
    }
}

template <class Storage>
void concurrent_core<Storage>::require_alive() const noexcept {
    if (gone_ == misuse::pool_destroyed) {
        stop_on_misuse({.pool_name = name_.c_str(), .reason = call_misuse::pool_destroyed});
    }
}

template <class Storage>
void* concurrent_core<Storage>::count_failure() noexcept {
    require_alive();
    atomic_add(shared_.failures, std::uint64_t{1}, std::memory_order_relaxed); // a statistic
    return nullptr;
}

// --- many blocks --------------------------------------------------------------------------------

template <class Storage>
std::size_t concurrent_core<Storage>::try_allocate_bulk(thread_cache* cache,
                                                        std::span<void*> out) noexcept {
    for (std::size_t count = 0; count < out.size(); ++count) {
        void* const block = cache != nullptr ? try_allocate(*cache) : try_allocate_directly();
        if (block == nullptr) {
            return count;
        }
        out[count] = block;
    }
    return out.size();
}

template <class Storage>
void concurrent_core<Storage>::deallocate_bulk(std::span<void* const> blocks) noexcept {
    gathered_word gathered;
    for (void* const block : blocks) {
        if (begin_free(block)) {
            shade(block);
            gather(gathered, index_of(block));
        }
    }
    flush(gathered);
    wake_if_waiting();
}

// --- waiting ------------------------------------------------------------------------------------

template <class Storage>
void concurrent_core<Storage>::give_to_waiter(thread_cache& cache) noexcept {
    put_back_directly(index_of(cache.kept.pop()));
}

template <class Storage>
void concurrent_core<Storage>::wake_if_waiting() noexcept {
    // Pairs with the addition in try_allocate_until(): either this load sees the waiter, or the
    // waiter, which looks for a block after that addition, sees what was given back before this
    // load. A block that was kept instead before this load is covered by a spare block, which the
    // waiter then finds.
    if (atomic_load(waiting_.waiters, std::memory_order_seq_cst) != 0) {
        // Pairs with the load of `wakes` there.
        atomic_add(waiting_.wakes, 1U, std::memory_order_seq_cst);
        wake_sleeper(waiting_.wakes);
    }
}

template <class Storage>
void* concurrent_core<Storage>::try_allocate_until(
    std::chrono::steady_clock::time_point deadline) noexcept {
    void* block = try_allocate();
    if (block != nullptr) {
        return block;
    }
    // Pairs with the load in every free: see wake_if_waiting().
    atomic_add(waiting_.waiters, 1U, std::memory_order_seq_cst);
    while (true) {
        const std::uint32_t wakes = atomic_load(waiting_.wakes, std::memory_order_seq_cst);
        block = try_allocate();
        const std::chrono::nanoseconds left = deadline - std::chrono::steady_clock::now();
        if (block != nullptr || left <= left.zero()) {
            break;
        }
        sleep_until_woken(waiting_.wakes, wakes, left);
    }
    atomic_add(waiting_.waiters, ~0U, std::memory_order_seq_cst); // one less
    if (block != nullptr) {
        wake_if_waiting(); // one free may have been of many blocks, and it woke one thread
    }
    return block;
}

// --- reservation --------------------------------------------------------------------------------

template <class Storage>
atomic_occupancy concurrent_core<Storage>::reserved() noexcept {
    return {reserved_words_, storage_.shape(), storage_.capacity(), shared_.reserved_windows};
}

template <class Storage>
std::uint64_t concurrent_core<Storage>::reserved_in(std::uint32_t word) const noexcept {
    return reserved_words_ == nullptr
               ? 0
               : atomic_load(reserved_words_[word], std::memory_order_relaxed); // no partner
}

template <class Storage>
bool concurrent_core<Storage>::reserve(std::size_t blocks) noexcept {
    const std::size_t at_once = limits_.at_once != 0 ? limits_.at_once : 1;
    thread_cache* const cache = join();
    for (std::size_t aside = 0; aside < blocks;) {
        const auto most = static_cast<std::uint32_t>(std::min(at_once, blocks - aside));
        // A thread that asks is granted a whole word, which must not be more than it wants.
        const bool may_ask = cache != nullptr && most == word_blocks;
        const claimed_word found = bits().claim(most, may_ask ? &cache->help : nullptr);
        if (found.mask == 0) {
            return_reserved(aside);
            (void)count_failure();
            return false;
        }
        reserved().give_back(found.word, found.mask);
        aside += static_cast<std::size_t>(std::popcount(found.mask));
    }
    return true;
}

template <class Storage>
void* concurrent_core<Storage>::allocate_reserved() noexcept {
    while (true) {
        const claimed_word found = reserved().claim(1);
        if (found.mask != 0) [[likely]] {
            return hand_out(lowest_block(found));
        }
    }
}

template <class Storage>
void concurrent_core<Storage>::return_reserved(std::size_t blocks) noexcept {
    while (blocks > 0) {
        const auto most =
            static_cast<std::uint32_t>(std::min<std::size_t>(blocks, word_blocks - 1));
        const claimed_word found = reserved().claim(most);
        if (found.mask != 0) {
            bits().give_back(found.word, found.mask);
            blocks -= static_cast<std::size_t>(std::popcount(found.mask));
        }
    }
    wake_if_waiting();
}

// --- the whole pool -----------------------------------------------------------------------------

template <class Storage>
bool concurrent_core<Storage>::is_live_block(const void* address) const noexcept {
    const std::uint64_t index = index_of(address);
    return index < storage_.capacity() && state_of(index) == block_state::live;
}

template <class Storage>
template <class Wanted, class Visit>
void concurrent_core<Storage>::for_each_block(Wanted wanted, Visit visit) noexcept {
    for (std::uint32_t index = 0; index < storage_.capacity(); ++index) {
        if (wanted(state_of(index))) {
            visit(block_at(index));
        }
    }
}

template <class Storage>
template <class Destroy>
void concurrent_core<Storage>::sweep(Destroy destroy) noexcept {
    for_each_block([](block_state state) { return state == block_state::live; },
                   [&](void* block) {
                       const std::uint64_t index = index_of(block);
                       set_state(index, block_state::swept);
                       destroy(block);
                       put_back_directly(index);
                   });
}

template <class Storage>
void concurrent_core<Storage>::throw_full() const {
    throw_exhausted(name_.c_str(), capacity_, pool_exhausted::not_counted, 0);
}

template <class Storage>
std::size_t concurrent_core<Storage>::count_live() const noexcept {
    std::size_t live = 0;
    for (std::uint32_t index = 0; index < storage_.capacity(); ++index) {
        live += state_of(index) == block_state::live ? 1U : 0U;
    }
    return live;
}

template <class Storage>
concurrent_pool_stats concurrent_core<Storage>::stats() const noexcept {
    pool_stats memory;
    storage_.add_memory_stats(memory);
    concurrent_pool_stats now;
    now.capacity = capacity_;
    now.blocks = blocks();
    now.live = count_live();
    for (std::uint32_t word = 0; word < words_in_use(); ++word) {
        now.reserved += static_cast<std::size_t>(std::popcount(reserved_in(word)));
    }
    now.reserved = std::min(now.reserved, now.blocks - now.live); // they may have changed meanwhile
    now.free = now.blocks - now.live - now.reserved;
    now.threads = limits_.threads;
    now.block_bytes = storage_.stride_bytes();
    now.bytes_committed = memory.bytes_committed;
    now.bytes_metadata = memory.bytes_metadata;
    now.failures = atomic_load(shared_.failures, std::memory_order_relaxed);
    now.pages = memory.pages;
    now.page_size_error = memory.page_size_error;
    return now;
}

template <class Storage>
void concurrent_core<Storage>::retire() noexcept {
    storage_.unpoison_all();
    caches_ = no_caches.data(); // so that the next allocation comes to join()
    storage_.retire();
    gone_ = misuse::pool_destroyed;
    // Without this the compiler drops the stores above: they are the object's last.
    asm volatile("" : : "r"(this) : "memory");
}

template <class Storage>
void concurrent_core<Storage>::refuse_unless_null(const void* block) const noexcept {
    if (block == nullptr) {
        return;
    }
    refuse(block, gone_ != misuse::foreign ? gone_ : storage_.report_on(block).reason);
}

template <class Storage>
misuse_report concurrent_core<Storage>::report_on(const void* address) const noexcept {
    misuse_report report = storage_.report_on(address);
    if (report.reason == misuse::freed_twice && state_of(index_of(address)) == block_state::never) {
        report.reason = misuse::never_allocated;
    }
    return report;
}

template <class Storage>
void concurrent_core<Storage>::refuse(const void* block, misuse reason) const noexcept {
    misuse_report report = storage_.report_on(block);
    report.pool_name = name_.c_str();
    report.reason = reason;
    stop_on_misuse(report);
}

} // namespace detail

MILLPOND_NAMESPACE_END
