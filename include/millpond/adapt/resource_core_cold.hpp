// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The parts of resource_core that are not on the hot path. Included by resource_core.hpp only.

#include "millpond/adapt/resource_core.hpp"
#include "millpond/base/error.hpp"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <class Kind>
resource_core<Kind>::resource_core(const pool_resource_options& options,
                                   std::pmr::memory_resource* upstream)
    : plan_(options, upstream)
    , budget_(options.limit_bytes)
    , unpooled_(options.name, plan_.upstream()) {}

template <class Kind>
resource_core<Kind>::~resource_core() {
    report_leaks();
    release();
    gone_ = misuse::pool_destroyed;
    // Without this the compiler drops the store above: it is one of the object's last.
    asm volatile("" : : "r"(this) : "memory");
}

// --- one block ------------------------------------------------------------------------------------

template <class Kind>
void* resource_core<Kind>::allocate_slow(std::size_t bytes, std::size_t alignment) {
    void* const block = find_block(bytes, alignment);
    if (block == nullptr) {
        throw_over_limit(bytes);
    }
    return block;
}

template <class Kind>
void* resource_core<Kind>::try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
    require_alignment(plan_.options().name, alignment);
    void* block = nullptr;
    with_pool(plan_.classes().index_of(bytes, alignment), [&](auto& pool) {
        block = pool.try_allocate();
        if (block != nullptr) {
            block = cut(block, bytes, pool.stride_bytes());
        }
    });
    if (block == nullptr) {
        attempt([&] { block = find_block(bytes, alignment); });
    }
    return block;
}

template <class Kind>
void* resource_core<Kind>::find_block(std::size_t bytes, std::size_t alignment) {
    require_alive();
    void* block = nullptr;
    if (!waits(plan_.classes().index_of(bytes, alignment))) {
        with_pool_for(bytes, alignment, [&](auto& pool) {
            block = pool.try_allocate();
            if (block != nullptr) {
                block = cut(block, bytes, pool.stride_bytes());
            }
        });
    }
    if (block != nullptr) {
        return block;
    }
    const std::lock_guard guard(lock_);
    if (!budget_.has_room(bytes)) {
        return nullptr;
    }
    // The largest size that an object can have, rounded up to the alignment: upstreams compute with it.
    constexpr std::size_t most = PTRDIFF_MAX;
    if (alignment > most || bytes > most - (alignment - 1)) {
        throw_bad_alloc();
    }
    block = unpooled_.allocate({bytes, alignment});
    (void)budget_.take(bytes, 1);
    return block;
}

template <class Kind>
void resource_core<Kind>::deallocate_slow(void* block,
                                          std::size_t bytes,
                                          std::size_t alignment) noexcept {
    bool is_done = block == nullptr;
    with_pool(plan_.classes().index_of(bytes, alignment),
              [&](auto& pool) { is_done = is_done || pool.try_deallocate(block); });
    if (is_done) {
        return;
    }
    misuse_report report{.pool_name = plan_.name(),
                         .reason = misuse::foreign,
                         .address = block,
                         .freed_bytes = bytes,
                         .freed_alignment = alignment};
    if (gone_ != misuse::foreign) {
        report.reason = gone_;
        stop_on_misuse(report);
    }
    const std::lock_guard guard(lock_);
    if (unpooled_.deallocate(block, {bytes, alignment}, report)) {
        budget_.give_back(bytes, 1);
        return;
    }
    explain(report);
    stop_on_misuse(report);
}

/// Finds out what is wrong with a free that no pool took: the block has another size, or was freed
/// before.
template <class Kind>
void resource_core<Kind>::explain(misuse_report& report) const noexcept {
    for_each_pool([&report](const auto& pool) {
        const misuse_report found = pool.report_on(report.address);
        if (found.reason != misuse::foreign) {
            report.reason = pool.is_live_block(report.address) ? misuse::wrong_size : found.reason;
            report.block = found.block;
            report.block_bytes = pool.stride_bytes();
        }
    });
}

template <class Kind>
void resource_core<Kind>::require_alive() const noexcept {
    if (gone_ == misuse::pool_destroyed) {
        stop_on_misuse({.pool_name = plan_.name(), .reason = call_misuse::pool_destroyed});
    }
}

// --- pools ----------------------------------------------------------------------------------------

template <class Kind>
template <class Use>
bool resource_core<Kind>::with_pool(std::uint32_t index, Use use) const {
    if (mapped_pool* const pool = mapped(index); pool != nullptr) {
        use(*pool);
        return true;
    }
    if (chunked_pool* const pool = chunked(index); pool != nullptr) {
        use(*pool);
        return true;
    }
    return false;
}

template <class Kind>
template <class Use>
void resource_core<Kind>::for_each_pool(Use use) const {
    for (std::uint32_t index = 0; index < plan_.classes().count(); ++index) {
        with_pool(index, use);
    }
}

template <class Kind>
template <class Use>
bool resource_core<Kind>::with_pool_for(std::size_t bytes, std::size_t alignment, Use use) {
    require_alive();
    require_alignment(plan_.options().name, alignment);
    const std::uint32_t index = plan_.classes().index_of(bytes, alignment);
    if (index == plan_.classes().count()) {
        return false;
    }
    if (with_pool(index, use)) {
        return true;
    }
    make_pool(index);
    return with_pool(index, use);
}

template <class Kind>
bool resource_core<Kind>::try_reserve(std::size_t blocks,
                                      std::size_t bytes,
                                      std::size_t alignment) noexcept {
    bool has_room = true;
    with_pool_for(bytes, alignment, [&](auto& pool) { has_room = pool.can_hold(blocks); });
    return has_room;
}

template <class Kind>
void resource_core<Kind>::reserve(std::size_t blocks, std::size_t bytes, std::size_t alignment) {
    if (!try_reserve(blocks, bytes, alignment)) {
        throw_over_limit(bytes > SIZE_MAX / blocks ? SIZE_MAX : blocks * bytes);
    }
}

/// True if the system refused the class a pool recently: asking again costs a dozen calls and
/// exceptions.
template <class Kind>
bool resource_core<Kind>::waits(std::uint32_t index) noexcept {
    const std::lock_guard guard(lock_);
    if (waits_[index] == 0) {
        return false;
    }
    --waits_[index];
    return true;
}

/// Makes room for the pools of all classes, if it is not there; false where the system refuses it.
template <class Kind>
bool resource_core<Kind>::has_places() noexcept {
    return places_.data() != nullptr || attempt([this] {
               mapping_options mapping;
               mapping.name = plan_.options().name;
               mapping.bytes = plan_.classes().count() * place_bytes;
               region places = region::mapped(mapping);
               places.commit_or_throw(plan_.options().name, mapping.bytes);
               places_ = std::move(places);
           });
}

/// Makes the pool of a class that has none; if the system refuses, there is none afterwards.
template <class Kind>
void resource_core<Kind>::make_pool(std::uint32_t index) noexcept {
    const std::lock_guard guard(lock_);
    if (with_pool(index, [](auto& /*pool*/) {})) {
        return; // another thread was quicker
    }
    if (!has_places()) {
        waits_[index] = requests_between_attempts;
        return;
    }
    void* const place = places_.data() + index * place_bytes;
    pool_layout layout = plan_.layout_of(index);
    layout.budget = &budget_;
    if (plan_.takes_chunks()) {
        const bool is_made = attempt([&] {
            auto* const pool = static_cast<chunked_pool*>(place);
            Kind::construct(pool, plan_, layout, plan_.source_of(index), lock_);
            chunked_[index].store(pool, std::memory_order_release); // pairs with chunked()
        });
        waits_[index] = is_made ? 0 : requests_between_attempts;
        return;
    }
    // Where address space is scarce, a class gets less of it.
    bool is_made = false;
    for (; !is_made && layout.max_capacity != 0; layout.max_capacity /= 4) {
        is_made = attempt([&] {
            auto* const pool = static_cast<mapped_pool*>(place);
            Kind::construct(pool, plan_, layout, plan_.options().memory, lock_);
            mapped_[index].store(pool, std::memory_order_release); // pairs with mapped()
        });
    }
    waits_[index] = is_made ? 0 : requests_between_attempts;
}

// --- the whole resource ---------------------------------------------------------------------------

template <class Kind>
void resource_core<Kind>::release() noexcept {
    for_each_pool([](auto& pool) {
        if constexpr (requires { pool.leave_threads(); }) {
            pool.leave_threads();
        }
        pool.retire();
        std::destroy_at(&pool);
    });
    for (std::uint32_t index = 0; index < plan_.classes().count(); ++index) {
        mapped_[index].store(nullptr, std::memory_order_relaxed); // nobody else is here
        chunked_[index].store(nullptr, std::memory_order_relaxed);
    }
    unpooled_.release();
    waits_.fill(0);
    budget_ = byte_budget(plan_.options().limit_bytes);
}

template <class Kind>
std::size_t resource_core<Kind>::shrink() noexcept {
    std::size_t returned = 0;
    for_each_pool([&returned](auto& pool) { returned += pool.shrink(); });
    return returned;
}

template <class Kind>
pool_resource_stats resource_core<Kind>::stats() const noexcept {
    pool_resource_stats now;
    const std::lock_guard guard(lock_);
    for_each_pool([&now](const auto& pool) {
        const auto one = pool.stats();
        ++now.pools;
        now.blocks_live += one.live;
        now.bytes_live += one.live * one.block_bytes;
        now.bytes_committed += one.bytes_committed - one.bytes_metadata;
    });
    now.unpooled_live = unpooled_.size();
    now.unpooled_bytes = unpooled_.bytes();
    now.bytes_live += now.unpooled_bytes;
    now.bytes_committed += now.unpooled_bytes;
    now.limit_bytes = plan_.options().limit_bytes;
    now.limited_bytes = budget_.used();
    return now;
}

template <class Kind>
template <class Stats>
Stats resource_core<Kind>::stats_of(std::size_t bytes, std::size_t alignment) const noexcept {
    Stats found;
    const std::lock_guard guard(lock_);
    with_pool(plan_.classes().index_of(bytes, alignment),
              [&found](const auto& pool) { found = pool.stats(); });
    return found;
}

template <class Kind>
verdict resource_core<Kind>::verify() const noexcept {
    verdict found;
    for_each_pool([&found](auto& pool) {
        if (found) {
            found = pool.verify();
        }
    });
    return found;
}

template <class Kind>
void resource_core<Kind>::report_leaks() const noexcept {
    const leak_policy leaks = plan_.options().leaks;
    if (leaks == leak_policy::ignore || !checked_build) {
        return;
    }
    bool has_leaked = false;
    for_each_pool([this, &has_leaked](const auto& pool) {
        const auto now = pool.stats();
        if (now.live != 0) {
            report_leak(plan_.name(), now.live, now.block_bytes);
            has_leaked = true;
        }
    });
    if (unpooled_.size() != 0) {
        report_mixed_leak(plan_.name(), unpooled_.size(), unpooled_.bytes());
        has_leaked = true;
    }
    if (has_leaked && leaks == leak_policy::stop) {
        std::abort();
    }
}

template <class Kind>
void resource_core<Kind>::throw_over_limit(std::size_t bytes) const {
    constexpr std::size_t nothing = pool_exhausted::not_counted;
    const std::size_t limit = plan_.options().limit_bytes;
    throw_exhausted(plan_.name(), bytes_wanted{bytes}, limit == 0 ? nothing : limit, nothing, 0);
}

} // namespace detail

MILLPOND_NAMESPACE_END
