// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Objects of one type for any number of threads.
///
///     millpond::concurrent_object_pool<order> orders({.name = "orders", .capacity = 1'000'000});
///     auto mine = orders.local();                     // this thread's view, no thread-local look-up
///     order* o = mine.create(id, price, quantity);
///     orders.destroy(o);                              // from any thread

#include "millpond/base/atomic_access.hpp"
#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/base/waiting.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/concurrent_block_pool.hpp"
#include "millpond/pool/concurrent_core.hpp"
#include "millpond/pool/construct.hpp"
#include "millpond/pool/pool_deleter.hpp"
#include "millpond/pool/region_storage.hpp"
#include "millpond/pool/reservation.hpp"
#include "millpond/pool/shared_owner.hpp"
#include "millpond/pool/thread_cache.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

/// How a concurrent_object_pool is made. `capacity` has no default.
struct concurrent_object_pool_options {
    pool_name name{};         ///< in every report; at most 31 characters
    std::size_t capacity = 0; ///< objects that can be live at once, whatever the threads do
    std::size_t threads = 0;  ///< threads that keep blocks of their own; at most 250. 0: twice the
                              ///< processors, at least 8
    capacity_bound bound = capacity_bound::at_least; ///< exact: never one more than `capacity`, and
                                                     ///< no thread keeps any
    bool prefault = false;               ///< touch every page now, so that none faults later
    free_check check = free_check::fast; ///< how surely overlapping frees of one block are noticed
    memory_options memory{};             ///< where the memory comes from
};

/// A pool of objects of one type, with a fixed capacity, for any thread. Its destructor destroys
/// what is left.
///
/// Units:      objects of type T; a block is sizeof(T) bytes.
/// Complexity: O(1) each, bounds in instructions in docs/guarantees.md, plus the constructor or
///             destructor; a call that finds its thread's blocks used up tries again each time
///             another thread takes what it found. No lock, no system call (except to wake a
///             waiting thread).
/// Errors:     `try_create` returns nullptr when full, `create` throws pool_exhausted, and both
///             pass on what the constructor throws; destroying anything but a live object stops the
///             program with one line; the pool's constructor throws std::invalid_argument or
///             std::system_error and leaves nothing behind.
/// Threads:    any, at any time; construction, destruction and `verify` must overlap no other call.
/// Source:     Bonwick and Adams 2001 (magazines per processor); docs/design.md.
template <class T>
class concurrent_object_pool {
    static_assert(detail::poolable<T>);

    using core = detail::concurrent_core<detail::region_storage<detail::object_stride<T>>>;
    using home = detail::shared_home<concurrent_block_pool, concurrent_block_pool_options>;

public:
    using value_type = T;
    class local_view;
    class reservation;

    using deleter = pool_deleter<concurrent_object_pool>;
    using unique = std::unique_ptr<T, deleter>;

    explicit concurrent_object_pool(const concurrent_object_pool_options& options)
        : core_(options.name, layout(options), options.check, options.memory) {}

    concurrent_object_pool(const concurrent_object_pool&) = delete;
    concurrent_object_pool& operator=(const concurrent_object_pool&) = delete;

    ~concurrent_object_pool() {
        core_.leave_threads();
        if constexpr (!std::is_trivially_destructible_v<T>) {
            core_.sweep([](void* block) { std::destroy_at(std::launder(static_cast<T*>(block))); });
        }
        core_.retire();
        if (home_ != nullptr) {
            home_->retire();
        }
    }

    /// Constructs an object from the arguments; returns nullptr when the pool is full. If the
    /// constructor throws, the exception propagates and the block is free again.
    template <class... Arguments>
    [[nodiscard]] T*
    try_create(Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
        return construct(core_.try_allocate(), std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object from the arguments; throws pool_exhausted when the pool is full.
    template <class... Arguments>
    [[nodiscard, gnu::returns_nonnull]] T* create(Arguments&&... arguments) {
        return construct(require(core_.try_allocate()), std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object as soon as fewer than `capacity()` are live, or earlier; returns
    /// nullptr when that takes longer than `most`. Sleeps while it waits.
    template <class Rep, class Period, class... Arguments>
    [[nodiscard]] T* try_create_for(const std::chrono::duration<Rep, Period>& most,
                                    Arguments&&... arguments) {
        return construct(core_.try_allocate_until(detail::deadline_after(most)),
                         std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object as soon as fewer than `capacity()` are live, or earlier; returns
    /// nullptr when `deadline`, a point in time of any clock, comes first. Sleeps while it waits.
    template <class Clock, class Duration, class... Arguments>
    [[nodiscard]] T* try_create_until(const std::chrono::time_point<Clock, Duration>& deadline,
                                      Arguments&&... arguments) {
        return construct(core_.try_allocate_until(detail::deadline_at(deadline)),
                         std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object with a unique owner, which destroys it in whatever thread. Throws
    /// pool_exhausted when the pool is full. The pool must outlive the owner.
    template <class... Arguments>
    [[nodiscard]] unique make_unique(Arguments&&... arguments) {
        return unique(create(std::forward<Arguments>(arguments)...), deleter(this));
    }

    /// Constructs an object with a unique owner; the owner is empty when the pool is full. The pool
    /// must outlive it.
    template <class... Arguments>
    [[nodiscard]] unique try_make_unique(Arguments&&... arguments) noexcept(
        detail::constructs_nothrow<T, Arguments...>) {
        return unique(try_create(std::forward<Arguments>(arguments)...), deleter(this));
    }

    /// Constructs an object with a shared owner; owners and weak pointers may be copied and dropped
    /// in any thread, at any time except while the pool is destroyed. The control block lies in a
    /// pool of its own, made by the first call, or earlier by `reserve_shared`. Throws
    /// pool_exhausted when either pool is full; a weak pointer keeps a control block, not an
    /// object. The last owner of an object that was destroyed with its pool stops the program.
    template <class... Arguments>
    [[nodiscard]] std::shared_ptr<T> make_shared(Arguments&&... arguments) {
        const auto take = [](home& owners) { return owners.allocate(); };
        return share_in(require(core_.try_allocate()), take, std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object with a shared owner; the owner is empty when there is no room for the
    /// object or its control block. Throws what the constructor throws and, when the pool of
    /// control blocks must be made first, what `reserve_shared` throws.
    template <class... Arguments>
    [[nodiscard]] std::shared_ptr<T> try_make_shared(Arguments&&... arguments) {
        void* const block = core_.try_allocate();
        const auto take = [](home& owners) { return owners.try_allocate(); };
        return block != nullptr ? share_in(block, take, std::forward<Arguments>(arguments)...)
                                : nullptr;
    }

    /// Makes room for as many control blocks as objects, in memory like the pool's own, so that no
    /// call of `make_shared` has to. Does nothing if there is room already. Throws what the pool's
    /// constructor throws; a pool in a buffer needs the overload with an argument.
    void reserve_shared() { reserve_shared(core_.storage().memory_kind()); }

    /// Makes room for as many control blocks as objects, in memory of the given kind. A buffer must
    /// have `shared_buffer_bytes`, and must outlive the pool and every weak pointer.
    void reserve_shared(const memory_options& memory) {
        if (shared() == nullptr) {
            (void)open_home(memory);
        }
    }

    /// Destroys an object, whichever thread created it, and frees its block. A null pointer is
    /// ignored; anything but a live object of this pool stops the program before a destructor runs.
    void destroy(T* object) noexcept {
        if (begin_destroy(core_, object)) [[likely]] {
            std::destroy_at(object);
            core_.finish_free(object, core_.own_cache_or_join());
        }
    }

    /// Returns the calling thread's view of the pool.
    [[nodiscard]] local_view local() noexcept { return local_view(core_, core_.join()); }

    /// Sets aside room for `objects` objects, or throws pool_exhausted and sets nothing aside.
    [[nodiscard]] reservation reserve_tokens(std::size_t objects) {
        if (!core_.reserve(objects)) {
            core_.throw_full();
        }
        return reservation(core_, objects);
    }

    /// Sets aside room for `objects` objects, or returns nothing and sets nothing aside.
    [[nodiscard]] std::optional<reservation> try_reserve_tokens(std::size_t objects) noexcept {
        const bool is_there = core_.reserve(objects);
        return is_there ? std::optional(reservation(core_, objects)) : std::nullopt;
    }

    /// True only for the address of a live object; false for any other, including null. If another
    /// thread creates or destroys the object meanwhile, the answer is that from before or after.
    /// O(1), no atomic step.
    [[nodiscard]] bool is_live(const void* address) const noexcept {
        return core_.is_live_block(address);
    }

    /// True when the address lies inside this pool's blocks.
    [[nodiscard]] bool owns(const void* address) const noexcept { return core_.owns(address); }

    /// Objects that can be live at once, whatever the threads do. At times there is room for more,
    /// unless the bound is exact.
    [[nodiscard]] std::size_t capacity() const noexcept { return core_.capacity(); }

    /// Objects that can ever be live at once: `capacity()` plus the spare ones.
    [[nodiscard]] std::size_t max_capacity() const noexcept { return core_.blocks(); }

    /// Objects that are live, counted while other threads change them. O(capacity).
    [[nodiscard]] std::size_t size_estimate() const noexcept { return core_.count_live(); }

    [[nodiscard]] const char* name() const noexcept { return core_.name().c_str(); }

    /// Returns a snapshot of the pool's figures. O(capacity).
    [[nodiscard]] concurrent_pool_stats stats() const noexcept { return core_.stats(); }

    /// Returns the figures of the control blocks: those that shared owners or weak pointers hold
    /// are live. All zero while there are none. O(capacity).
    [[nodiscard]] concurrent_pool_stats shared_stats() const noexcept {
        return shared() != nullptr ? shared()->controls().stats() : concurrent_pool_stats{};
    }

    /// Checks every invariant, those of the control blocks too; no other thread may be in the pool.
    /// O(capacity x threads).
    [[nodiscard]] verdict verify() noexcept {
        const verdict objects = core_.verify();
        return objects && home_ != nullptr ? home_->controls().verify() : objects;
    }

    /// Bytes that `memory.buffer` must have for these options.
    [[nodiscard]] static constexpr std::size_t
    buffer_bytes(const concurrent_object_pool_options& options) {
        return layout(options).blocks.buffer_bytes();
    }

    /// Bytes that a buffer for `reserve_shared` must have.
    [[nodiscard]] static constexpr std::size_t
    shared_buffer_bytes(const concurrent_object_pool_options& options) {
        return home::buffer_bytes(
            home_options(options.name, options.capacity, layout(options).limits.threads));
    }

private:
    /// False for an object that the pool's destructor has already destroyed.
    [[nodiscard]] static bool begin_destroy(core& blocks, T* object) noexcept {
        if constexpr (!checked_build && !std::is_trivially_destructible_v<T>) {
            if (object != nullptr && blocks.is_swept(object)) [[unlikely]] {
                return false;
            }
        }
        return blocks.begin_free(object);
    }

    /// The options of the control blocks' pool: as many threads keep some as keep objects, or none.
    [[nodiscard]] static constexpr concurrent_block_pool_options
    home_options(const pool_name& name, std::size_t capacity, std::size_t threads) noexcept {
        const bool keeps = threads != 0;
        return {.name = name,
                .capacity = capacity,
                .threads = threads,
                .bound = keeps ? capacity_bound::at_least : capacity_bound::exact,
                .memory = {}};
    }

    template <class TakeControl, class... Arguments>
    [[nodiscard]] std::shared_ptr<T>
    share_in(void* block, TakeControl take_control, Arguments&&... arguments) {
        return detail::make_shared_in<T, concurrent_object_pool>(
            core_,
            block,
            [this]() -> home& {
                home* const found = shared();
                return found != nullptr ? *found : open_home(core_.storage().memory_kind());
            },
            take_control,
            std::forward<Arguments>(arguments)...);
    }

    [[nodiscard]] home* shared() const noexcept {
        // Pairs with the replacement in open_home().
        return detail::atomic_load(home_, std::memory_order_acquire);
    }

    /// Several threads may come here at once; the first to finish gives its home to all.
    MILLPOND_SLOW_PATH home& open_home(const memory_options& memory) {
        auto options = home_options(core_.name(), core_.capacity(), core_.threads());
        options.prefault = core_.storage().prefaults();
        options.memory = memory;
        home* const made = home::make(options, this);
        // Pairs with the load in shared().
        if (!detail::atomic_replace<home*>(home_, nullptr, made, std::memory_order_release)) {
            made->close();
        }
        return *shared();
    }

    [[nodiscard]] static constexpr detail::concurrent_layout
    layout(const concurrent_object_pool_options& options) {
        return detail::concurrent_layout::of(options.name,
                                             sizeof(T),
                                             alignof(T),
                                             options.capacity,
                                             options.threads,
                                             options.bound,
                                             options.prefault);
    }

    [[nodiscard]] void* require(void* block) const {
        if (block == nullptr) [[unlikely]] {
            core_.throw_full();
        }
        return block;
    }

    template <class... Arguments>
    [[nodiscard]] T*
    construct(void* block,
              Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
        return block == nullptr
                   ? nullptr
                   : detail::construct_in<T>(core_, block, std::forward<Arguments>(arguments)...);
    }

    core core_;
    home* home_ = nullptr; ///< the control blocks of shared owners, once there are any
};

/// One thread's view of a concurrent_object_pool, which saves looking the thread up.
///
/// Units:      objects of type T.
/// Complexity: O(1) each, plus the constructor or destructor; tries again as the pool does.
/// Errors:     `try_create` returns nullptr when full, `create` throws pool_exhausted, and both
///             pass on what the constructor throws; destroying anything but a live object stops the
///             program.
/// Threads:    the one that called `local()`, for as long as it and the pool live.
/// Source:     Bonwick and Adams 2001 (magazines per processor).
template <class T>
class concurrent_object_pool<T>::local_view {
public:
    /// Constructs an object from the arguments; nullptr when the pool is full.
    template <class... Arguments>
    [[nodiscard]] T*
    try_create(Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
        void* const block = try_allocate();
        return block == nullptr
                   ? nullptr
                   : detail::construct_in<T>(*core_, block, std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object from the arguments; throws pool_exhausted when the pool is full.
    template <class... Arguments>
    [[nodiscard, gnu::returns_nonnull]] T* create(Arguments&&... arguments) {
        void* const block = try_allocate();
        if (block == nullptr) [[unlikely]] {
            core_->throw_full();
        }
        return detail::construct_in<T>(*core_, block, std::forward<Arguments>(arguments)...);
    }

    /// Destroys an object, whoever created it, and frees its block. A null pointer is ignored.
    void destroy(T* object) noexcept {
        if (begin_destroy(*core_, object)) [[likely]] {
            std::destroy_at(object);
            core_->finish_free(object, cache_);
        }
    }

    /// False for a thread beyond the pool's `threads`: the view then works on the shared words.
    [[nodiscard]] bool keeps_blocks() const noexcept { return cache_ != nullptr; }

private:
    friend class concurrent_object_pool;

    local_view(core& pool, detail::thread_cache* cache) noexcept
        : core_(&pool)
        , cache_(cache) {}

    [[nodiscard]] void* try_allocate() noexcept {
        return cache_ != nullptr ? core_->try_allocate(*cache_) : core_->try_allocate_directly();
    }

    core* core_;
    detail::thread_cache* cache_;
};

/// Room set aside by `reserve_tokens`: that many objects can be created without running out of
/// room. What is not taken goes back when the reservation is destroyed.
///
/// Units:      objects.
/// Complexity: O(1) plus the constructor, repeated if another reservation takes what it found.
/// Errors:     once `remaining()` is 0, and never before, `try_create` returns nullptr and `create`
///             throws pool_exhausted; both pass on what the constructor throws and free the block.
/// Threads:    one at a time per reservation; it may move to another thread.
/// Source:     own.
template <class T>
class concurrent_object_pool<T>::reservation {
public:
    /// Constructs an object in one of the places set aside; throws pool_exhausted if all are used.
    template <class... Arguments>
    [[nodiscard, gnu::returns_nonnull]] T* create(Arguments&&... arguments) {
        void* const block = blocks_.take();
        if (block == nullptr) [[unlikely]] {
            core_->throw_full();
        }
        return detail::construct_in<T>(*core_, block, std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object in one of the places set aside; returns nullptr when all are used.
    template <class... Arguments>
    [[nodiscard]] T*
    try_create(Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
        void* const block = blocks_.take();
        return block == nullptr
                   ? nullptr
                   : detail::construct_in<T>(*core_, block, std::forward<Arguments>(arguments)...);
    }

    /// Objects that can still be created.
    [[nodiscard]] std::size_t remaining() const noexcept { return blocks_.remaining(); }

    /// Gives the rest back now.
    void release() noexcept { blocks_.release(); }

private:
    friend class concurrent_object_pool;

    reservation(core& pool, std::size_t objects) noexcept
        : core_(&pool)
        , blocks_(pool, objects) {}

    core* core_;
    detail::reserved_blocks<core> blocks_;
};

MILLPOND_NAMESPACE_END
