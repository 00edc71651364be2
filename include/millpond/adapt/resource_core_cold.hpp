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
    , unpooled_(options.name, plan_.upstream())
    , paged_(Kind::make_paged(plan_, budget_)) {}

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
    void* block = find_in_pools(bytes, plan_.classes().index_of(bytes, alignment));
    if (block == nullptr) {
        attempt([&] { block = find_block(bytes, alignment); });
    }
    return block;
}

template <class Kind>
void* resource_core<Kind>::find_block(std::size_t bytes, std::size_t alignment) {
    require_alive();
    require_alignment(plan_.options().name, alignment);
    const std::uint32_t index = plan_.classes().index_of(bytes, alignment);
    if (!waits(index) && has_pool(index)) {
        if (void* const block = find_in_pools(bytes, index); block != nullptr) {
            return block;
        }
    }
    const std::lock_guard guard(lock_);
    if (!budget_.has_room(bytes) && !paged_.make_room(bytes)) {
        return nullptr;
    }
    // The largest size that an object can have, rounded up to the alignment: upstreams compute with it.
    constexpr std::size_t most = PTRDIFF_MAX;
    if (alignment > most || bytes > most - (alignment - 1)) {
        throw_bad_alloc();
    }
    void* const block = unpooled_.allocate({bytes, alignment});
    (void)budget_.take(bytes, 1);
    return block;
}

template <class Kind>
void* resource_core<Kind>::find_in_pools(std::size_t bytes, std::uint32_t index) noexcept {
    void* block = paged_.try_allocate(index);
    if (block == nullptr) {
        block = chunked_.try_allocate(index);
    }
    return block != nullptr ? cut(block, bytes, index) : nullptr;
}

template <class Kind>
void resource_core<Kind>::deallocate_slow(void* block,
                                          std::size_t bytes,
                                          std::size_t alignment) noexcept {
    // A pool may have been made by another thread since.
    const std::uint32_t index = plan_.classes().index_of(bytes, alignment);
    if (block == nullptr || paged_.try_deallocate(block, index) ||
        chunked_.try_deallocate(block, index)) {
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
    misuse_report found = paged_.report_on(report.address);
    if (found.reason == misuse::foreign) {
        found = chunked_.report_on(report.address);
    }
    if (found.reason != misuse::foreign) {
        report.reason = found.reason;
        report.block = found.block;
        report.block_bytes = found.block_bytes;
    }
}

template <class Kind>
void resource_core<Kind>::require_alive() const noexcept {
    if (gone_ == misuse::pool_destroyed) {
        stop_on_misuse({.pool_name = plan_.name(), .reason = call_misuse::pool_destroyed});
    }
}

// --- pools ----------------------------------------------------------------------------------------

template <class Kind>
bool resource_core<Kind>::has_pool(std::uint32_t index) noexcept {
    const auto is_made = [&] { return paged_.is_made(index) || chunked_.is_made(index); };
    if (is_made() || index == plan_.classes().count()) {
        return is_made();
    }
    const std::lock_guard guard(lock_);
    if (is_made()) {
        return true; // another thread was quicker
    }
    if (plan_.takes_chunks()) {
        pool_layout layout = plan_.layout_of(index);
        layout.budget = &budget_;
        const auto construct = [&](auto* place) {
            Kind::construct(place, plan_, layout, plan_.source_of(index), lock_);
        };
        const bool made =
            chunked_.make(index, plan_.classes().count(), plan_.options().name, construct);
        waits_[index] = made ? 0 : requests_between_attempts;
    } else {
        const bool made = Kind::make(paged_, index, plan_, budget_, lock_);
        waits_[index] = made ? 0 : requests_between_attempts;
    }
    return is_made();
}

template <class Kind>
template <class Use>
void resource_core<Kind>::with_stats(std::uint32_t index, Use use) const {
    if (paged_.is_made(index)) {
        use(paged_.stats_of(index));
    } else if (chunked_.is_made(index)) {
        use(chunked_.stats_of(index));
    }
}

template <class Kind>
bool resource_core<Kind>::try_reserve(std::size_t blocks,
                                      std::size_t bytes,
                                      std::size_t alignment) noexcept {
    require_alive();
    require_alignment(plan_.options().name, alignment);
    const std::uint32_t index = plan_.classes().index_of(bytes, alignment);
    if (!has_pool(index)) {
        return true; // from upstream, one by one
    }
    return paged_.is_made(index) ? paged_.can_hold(index, blocks)
                                 : chunked_.can_hold(index, blocks);
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

// --- the whole resource ---------------------------------------------------------------------------

template <class Kind>
void resource_core<Kind>::release() noexcept {
    paged_.release();
    chunked_.release();
    unpooled_.release();
    waits_.fill(0);
    budget_ = byte_budget(plan_.options().limit_bytes);
}

template <class Kind>
std::size_t resource_core<Kind>::shrink() noexcept {
    return paged_.shrink() + chunked_.shrink();
}

template <class Kind>
pool_resource_stats resource_core<Kind>::stats() const noexcept {
    pool_resource_stats now;
    const std::lock_guard guard(lock_);
    for (std::uint32_t index = 0; index < plan_.classes().count(); ++index) {
        with_stats(index, [&now](const auto& one) {
            ++now.pools;
            now.blocks_live += one.live;
            now.bytes_live += one.live * one.block_bytes;
            now.bytes_committed += one.bytes_committed - one.bytes_metadata;
        });
    }
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
    with_stats(plan_.classes().index_of(bytes, alignment),
               [&found](const auto& one) { found = one; });
    return found;
}

template <class Kind>
verdict resource_core<Kind>::verify() const noexcept {
    const verdict found = paged_.verify();
    return found ? chunked_.verify() : found;
}

template <class Kind>
void resource_core<Kind>::report_leaks() const noexcept {
    const leak_policy leaks = plan_.options().leaks;
    if (leaks == leak_policy::ignore || !checked_build) {
        return;
    }
    bool has_leaked = false;
    for (std::uint32_t index = 0; index < plan_.classes().count(); ++index) {
        with_stats(index, [this, &has_leaked](const auto& one) {
            if (one.live != 0) {
                report_leak(plan_.name(), one.live, one.block_bytes);
                has_leaked = true;
            }
        });
    }
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
