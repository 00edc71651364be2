// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Raw blocks of one size for any number of threads: one allocates, another frees.
///
///     millpond::concurrent_block_pool packets(
///         {.name = "packets", .block_bytes = 2048, .capacity = 4096, .threads = 4});
///     void* p = packets.try_allocate();   // any thread
///     packets.deallocate(p);              // any other
///     auto mine = packets.local();        // this thread's view: no thread-local look-up

#include "millpond/base/config.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/base/waiting.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/concurrent_core.hpp"
#include "millpond/pool/region_storage.hpp"
#include "millpond/pool/reservation.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>

MILLPOND_NAMESPACE_BEGIN

/// How a concurrent_block_pool is made. `block_bytes` and `capacity` have no default.
struct concurrent_block_pool_options {
    pool_name name{};            ///< in every report; at most 31 characters
    std::size_t block_bytes = 0; ///< at least 1; rounded up to the alignment
    std::size_t block_alignment =
        0;                    ///< a power of two; 0: the largest that divides block_bytes, up to 64
    std::size_t capacity = 0; ///< blocks that can be live at once, whatever the threads do
    std::size_t threads = 0;  ///< threads that keep blocks of their own; at most 250. 0: twice the
                              ///< processors, at least 8
    capacity_bound bound = capacity_bound::at_least; ///< exact: never one more than `capacity`, and
                                                     ///< no thread keeps any
    bool prefault = false;               ///< touch every page now, so that none faults later
    free_check check = free_check::fast; ///< how surely overlapping frees of one block are noticed
    memory_options memory{};             ///< where the memory comes from
    leak_policy leaks = leak_policy::report; ///< what destruction does about live blocks
};

/// A pool of raw blocks of one size, with a fixed capacity, for any thread.
///
/// Each thread keeps some blocks that it freed, and serves itself from them without an atomic step.
/// A thread beyond `threads` uses the shared words in every call: correct and bounded, but slower.
/// When a thread ends, the blocks that it kept become free for all.
///
/// Units:      blocks of `block_bytes()` bytes, aligned to `block_alignment()`.
/// Complexity: O(1) each, bounds in instructions in docs/guarantees.md; a call that finds its
///             thread's blocks used up tries again each time another thread takes what it found. No
///             lock, no system call (except to wake a waiting thread).
/// Errors:     `try_allocate` returns nullptr when full, `allocate` throws pool_exhausted; freeing
///             anything but a live block stops the program with one line (docs/checks.md); the
///             constructor throws std::invalid_argument or std::system_error and leaves nothing
///             behind.
/// Threads:    any, at any time; construction, destruction and `verify` must not overlap any other call.
/// Source:     Bonwick and Adams 2001 (magazines per processor); own design note in docs/design.md.
class concurrent_block_pool {
    using core = detail::concurrent_core<detail::region_storage<detail::runtime_stride>>;

public:
    class local_view;
    class reservation;

    explicit concurrent_block_pool(const concurrent_block_pool_options& options);

    concurrent_block_pool(const concurrent_block_pool&) = delete;
    concurrent_block_pool& operator=(const concurrent_block_pool&) = delete;
    ~concurrent_block_pool();

    /// Returns an uninitialised block, or nullptr when the pool is full: at some instant of the
    /// call at least `capacity()` blocks were live, reserved or in other threads' hands.
    [[nodiscard]] void* try_allocate() noexcept { return core_.try_allocate(); }

    /// Returns an uninitialised block; throws pool_exhausted when the pool is full.
    [[nodiscard, gnu::returns_nonnull]] void* allocate() {
        void* const block = core_.try_allocate();
        if (block == nullptr) [[unlikely]] {
            core_.throw_full();
        }
        return block;
    }

    /// Takes back a block, whichever thread allocated it. A null pointer is ignored.
    void deallocate(void* block) noexcept { core_.deallocate(block); }

    /// Returns a block as soon as fewer than `capacity()` are live, or earlier; nullptr when that
    /// takes longer than `most`. Sleeps while it waits.
    template <class Rep, class Period>
    [[nodiscard]] void* try_allocate_for(const std::chrono::duration<Rep, Period>& most) noexcept {
        return core_.try_allocate_until(detail::deadline_after(most));
    }

    /// Returns a block as soon as fewer than `capacity()` are live, or earlier; nullptr when
    /// `deadline`, a point in time of any clock, comes first. Sleeps while it waits.
    template <class Clock, class Duration>
    [[nodiscard]] void*
    try_allocate_until(const std::chrono::time_point<Clock, Duration>& deadline) noexcept {
        return core_.try_allocate_until(detail::deadline_at(deadline));
    }

    /// Fills `out` from the start with as many blocks as there are, and returns how many.
    /// O(out.size()).
    [[nodiscard]] std::size_t try_allocate_bulk(std::span<void*> out) noexcept {
        return core_.try_allocate_bulk(core_.join(), out);
    }

    /// Fills `out`, or throws pool_exhausted and keeps none. O(out.size()).
    void allocate_bulk(std::span<void*> out);

    /// Takes back many blocks and lets all threads reach them; neighbours are cheapest. Null
    /// pointers are ignored. O(blocks.size()).
    void deallocate_bulk(std::span<void* const> blocks) noexcept { core_.deallocate_bulk(blocks); }

    /// Returns the calling thread's view of the pool.
    [[nodiscard]] local_view local() noexcept;

    /// Sets `blocks` blocks aside; throws pool_exhausted, and sets none aside, when there are
    /// fewer.
    [[nodiscard]] reservation reserve_tokens(std::size_t blocks);

    /// Sets `blocks` blocks aside; returns nothing, and sets none aside, when there are fewer.
    [[nodiscard]] std::optional<reservation> try_reserve_tokens(std::size_t blocks) noexcept;

    /// Returns an uninitialised block, or nullptr when the pool is full. Async-signal-safe: uses only the
    /// shared words, whatever the interrupted thread was doing. O(1).
    [[nodiscard]] void* try_allocate_direct() noexcept { return core_.try_allocate_directly(); }

    /// Takes back any live block of the pool. A null pointer is ignored. Async-signal-safe.
    void deallocate_direct(void* block) noexcept { core_.deallocate_directly(block); }

    /// True only for the start of a live block; false for any other address, including null. If
    /// another thread takes or frees the block meanwhile, the answer is that from before or after.
    /// O(1), no atomic step.
    [[nodiscard]] bool is_live(const void* address) const noexcept {
        return core_.is_live_block(address);
    }

    /// True when the address lies inside this pool's blocks.
    [[nodiscard]] bool owns(const void* address) const noexcept { return core_.owns(address); }

    /// Blocks that can be live at once, whatever the threads do. At times there are more, unless
    /// the bound is exact.
    [[nodiscard]] std::size_t capacity() const noexcept { return core_.capacity(); }

    /// Blocks that can ever be live at once: `capacity()` plus the spare ones.
    [[nodiscard]] std::size_t max_capacity() const noexcept { return core_.blocks(); }

    /// Blocks that are live, counted while other threads change them. O(capacity).
    [[nodiscard]] std::size_t size_estimate() const noexcept { return core_.count_live(); }

    [[nodiscard]] std::size_t block_bytes() const noexcept { return core_.stride_bytes(); }

    [[nodiscard]] std::size_t block_alignment() const noexcept { return alignment_; }

    [[nodiscard]] const char* name() const noexcept { return core_.name().c_str(); }

    /// Returns a snapshot of the pool's figures. O(capacity).
    [[nodiscard]] concurrent_pool_stats stats() const noexcept { return core_.stats(); }

    /// Checks every invariant; no other thread may be in the pool. O(capacity x threads).
    [[nodiscard]] verdict verify() noexcept { return core_.verify(); }

    /// Bytes that `memory.buffer` must have for these options.
    [[nodiscard]] static constexpr std::size_t
    buffer_bytes(const concurrent_block_pool_options& options) {
        return layout(options).blocks.buffer_bytes();
    }

private:
    [[nodiscard]] static constexpr detail::concurrent_layout
    layout(const concurrent_block_pool_options& options) {
        return detail::concurrent_layout::of(options.name,
                                             options.block_bytes,
                                             options.block_alignment,
                                             options.capacity,
                                             options.threads,
                                             options.bound,
                                             options.prefault);
    }

    core core_;
    std::size_t alignment_;
    leak_policy leaks_;
};

/// One thread's view of a concurrent_block_pool, which saves looking the thread up. Where one
/// thread allocates and others free, the view is all that the allocating side needs: it takes no
/// atomic step except to claim a word of up to 64 blocks at a time.
///
/// Units:      blocks of the pool's `block_bytes()` bytes, aligned to its `block_alignment()`.
/// Complexity: O(1) each, bounds in instructions in docs/guarantees.md; a call that finds the
///             thread's blocks used up tries again each time another thread takes what it found.
/// Errors:     `try_allocate` returns nullptr when full, `allocate` throws pool_exhausted; freeing
///             anything but a live block stops the program with one line (docs/checks.md).
/// Threads:    the one that called `local()`, for as long as it and the pool live.
/// Source:     Bonwick and Adams 2001 (magazines per processor); docs/design.md.
class concurrent_block_pool::local_view {
public:
    /// Returns an uninitialised block, or nullptr when the pool is full.
    [[nodiscard]] void* try_allocate() noexcept {
        return cache_ != nullptr ? core_->try_allocate(*cache_) : core_->try_allocate_directly();
    }

    /// Returns an uninitialised block; throws pool_exhausted when the pool is full.
    [[nodiscard, gnu::returns_nonnull]] void* allocate() {
        void* const block = try_allocate();
        if (block == nullptr) [[unlikely]] {
            core_->throw_full();
        }
        return block;
    }

    /// Takes back a block, whichever thread allocated it. A null pointer is ignored.
    void deallocate(void* block) noexcept {
        if (cache_ != nullptr) [[likely]] {
            core_->deallocate(*cache_, block);
        } else {
            core_->deallocate_directly(block);
        }
    }

    /// Fills `out` from the start with as many blocks as there are, and returns how many.
    /// O(out.size()).
    [[nodiscard]] std::size_t try_allocate_bulk(std::span<void*> out) noexcept {
        return core_->try_allocate_bulk(cache_, out);
    }

    /// Takes back many blocks and lets all threads reach them; neighbours are cheapest. Null
    /// pointers are ignored. O(blocks.size()).
    void deallocate_bulk(std::span<void* const> blocks) noexcept { core_->deallocate_bulk(blocks); }

    /// False for a thread beyond the pool's `threads`: the view then works on the shared words.
    [[nodiscard]] bool keeps_blocks() const noexcept { return cache_ != nullptr; }

private:
    friend class concurrent_block_pool;

    local_view(core& pool, detail::thread_cache* cache) noexcept
        : core_(&pool)
        , cache_(cache) {}

    core* core_;
    detail::thread_cache* cache_;
};

/// Blocks set aside by `reserve_tokens`: that many allocations cannot fail. What is not taken goes
/// back when the reservation is destroyed.
///
/// Units:      blocks.
/// Complexity: `allocate` is O(1), repeated each time another reservation takes what it found.
/// Errors:     once `remaining()` is 0, and never before, `try_allocate` returns nullptr and `allocate`
///             throws pool_exhausted.
/// Threads:    one at a time per reservation; it may move to another thread.
/// Source:     own.
class concurrent_block_pool::reservation {
public:
    /// Returns one of the blocks that were set aside; throws pool_exhausted when all are used.
    [[nodiscard, gnu::returns_nonnull]] void* allocate() {
        void* const block = blocks_.take();
        if (block == nullptr) [[unlikely]] {
            core_->throw_full();
        }
        return block;
    }

    /// Returns one of the blocks that were set aside; nullptr when all are used.
    [[nodiscard]] void* try_allocate() noexcept { return blocks_.take(); }

    /// Allocations that are left.
    [[nodiscard]] std::size_t remaining() const noexcept { return blocks_.remaining(); }

    /// Gives the rest back now.
    void release() noexcept { blocks_.release(); }

private:
    friend class concurrent_block_pool;

    reservation(core& pool, std::size_t blocks) noexcept
        : core_(&pool)
        , blocks_(pool, blocks) {}

    core* core_;
    detail::reserved_blocks<core> blocks_;
};

MILLPOND_NAMESPACE_END
