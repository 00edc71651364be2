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
#include "millpond/pool/region_storage.hpp"
#include "millpond/pool/reservation.hpp"
#include "millpond/pool/shared_owner.hpp"
#include "millpond/pool/thread_cache.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

/// How a concurrent_object_pool is made. `capacity` has no default.
struct concurrent_object_pool_options {
    pool_name name{};         ///< in every report; at most 31 characters
    std::size_t capacity = 0; ///< objects that can be live at once, whatever the threads do
    std::size_t threads = 0;  ///< that keep blocks of their own; at most 250. 0: twice the
                              ///< processors, at least 8
    bool prefault = false;    ///< touch every page now, so that none faults later
    free_check check = free_check::fast; ///< how exact a free is checked against another thread's
    memory_options memory{};             ///< where the memory comes from
};

/// A pool of objects of one type, of fixed capacity, for any thread. Destroys what is left when it
/// dies.
///
/// Units:      objects of type T; a block is sizeof(T) bytes.
/// Complexity: as concurrent_block_pool, and the constructor or destructor.
/// Errors:     `try_create` returns nullptr when full, `create` throws pool_exhausted, and both pass
///             on what the constructor throws; destroying anything but a live object stops the
///             program with one line; the constructor throws std::invalid_argument or
///             std::system_error and leaves nothing.
/// Threads:    any, at any time. Only construction, destruction and `verify` want to be alone.
/// Source:     as concurrent_block_pool.
template <class T>
class concurrent_object_pool {
    static_assert(detail::poolable<T>,
                  "a pool holds objects of one type; pool the struct that contains the array");

    using core = detail::concurrent_core<detail::region_storage<detail::static_stride<sizeof(T)>>>;
    using home = detail::shared_home<concurrent_block_pool, concurrent_block_pool_options>;

public:
    using value_type = T;
    class local_view;
    class reservation;

    /// Gives an object back to its pool; the deleter of `unique`.
    class deleter {
    public:
        explicit deleter(concurrent_object_pool* pool = nullptr) noexcept
            : pool_(pool) {}

        void operator()(T* object) const noexcept { pool_->destroy(object); }

    private:
        concurrent_object_pool* pool_;
    };

    using unique = std::unique_ptr<T, deleter>;

    explicit concurrent_object_pool(const concurrent_object_pool_options& options)
        : core_(options.name, layout(options), options.check, options.memory) {}

    concurrent_object_pool(const concurrent_object_pool&) = delete;
    concurrent_object_pool& operator=(const concurrent_object_pool&) = delete;

    ~concurrent_object_pool() {
        core_.leave_threads();
        if (home_ != nullptr) {
            home_->begin_sweep();
        }
        if constexpr (!std::is_trivially_destructible_v<T>) {
            core_.for_each_block(
                [](detail::block_state state) { return state == detail::block_state::live; },
                [this](void* block) { destroy(std::launder(static_cast<T*>(block))); });
        }
        core_.retire();
        if (home_ != nullptr) {
            home_->retire();
        }
    }

    /// Constructs an object from the arguments; nullptr when the pool is full. What the constructor
    /// throws passes, and the block is free again.
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

    /// Constructs an object as soon as fewer than `capacity()` are live, or earlier; nullptr when that
    /// takes longer than `most`.
    template <class Rep, class Period, class... Arguments>
    [[nodiscard]] T* create_for(const std::chrono::duration<Rep, Period>& most,
                                Arguments&&... arguments) {
        return construct(core_.allocate_until(detail::deadline_after(most)),
                         std::forward<Arguments>(arguments)...);
    }

    /// The same with a point in time of any clock.
    template <class Clock, class Duration, class... Arguments>
    [[nodiscard]] T* create_until(const std::chrono::time_point<Clock, Duration>& deadline,
                                  Arguments&&... arguments) {
        return construct(core_.allocate_until(detail::deadline_at(deadline)),
                         std::forward<Arguments>(arguments)...);
    }

    /// `create` with an owner that destroys the object, in whatever thread. The pool must not die
    /// first.
    template <class... Arguments>
    [[nodiscard]] unique make_unique(Arguments&&... arguments) {
        return unique(create(std::forward<Arguments>(arguments)...), deleter(this));
    }

    /// `create` with a shared owner; owners and weak pointers may be copied and dropped in any thread,
    /// at any time but while the pool dies.
    /// The control block lies in a pool of its own, made by the first call: `prepare_shared` makes it
    /// earlier. Throws pool_exhausted when either is full; a weak pointer keeps a control block, not an
    /// object. The last owner of an object that went with its pool stops the program.
    template <class... Arguments>
    [[nodiscard]] std::shared_ptr<T> make_shared(Arguments&&... arguments) {
        return detail::make_shared_in<T, concurrent_object_pool>(
            core_,
            require(core_.try_allocate()),
            [this]() -> home& {
                home* const found = shared();
                return found != nullptr ? *found : open_home(core_.storage().memory_kind());
            },
            std::forward<Arguments>(arguments)...);
    }

    /// Makes room for as many control blocks as objects, on memory like the pool's own, so that no call
    /// of `make_shared` has to. Does nothing when it is there. Throws as the constructor; a pool in a
    /// buffer needs the other form.
    void prepare_shared() { prepare_shared(core_.storage().memory_kind()); }

    /// The same on memory of another kind. A buffer must have `shared_buffer_bytes`, and must outlive
    /// the pool and every weak pointer.
    void prepare_shared(const memory_options& memory) {
        if (shared() == nullptr) {
            (void)open_home(memory);
        }
    }

    /// Destroys an object, whoever created it, and frees its block. A null pointer is ignored; anything
    /// that is not a live object of this pool stops the program before its destructor runs.
    void destroy(T* object) noexcept {
        void* const block = detail::block_of(object);
        if (core_.begin_free(block)) [[likely]] {
            std::destroy_at(object);
            core_.finish_free(block, core_.own_cache_or_join());
        }
    }

    /// The calling thread's view of the pool.
    [[nodiscard]] local_view local() noexcept { return local_view(core_, core_.join()); }

    /// Sets room for `objects` objects aside; throws pool_exhausted when there is not so much, and
    /// then none is.
    [[nodiscard]] reservation reserve_tokens(std::size_t objects) {
        if (!core_.reserve(objects)) {
            core_.throw_full();
        }
        return reservation(core_, objects);
    }

    /// True when the address lies inside this pool's blocks.
    [[nodiscard]] bool owns(const void* address) const noexcept { return core_.owns(address); }

    /// Objects that can be live at once whatever the threads do. More can be had at times.
    [[nodiscard]] std::size_t capacity() const noexcept { return core_.capacity(); }

    /// Objects that are live, counted while other threads change them. O(capacity).
    [[nodiscard]] std::size_t size_estimate() const noexcept { return core_.count_live(); }

    [[nodiscard]] const char* name() const noexcept { return core_.name().c_str(); }

    /// O(capacity).
    [[nodiscard]] concurrent_pool_stats stats() const noexcept { return core_.stats(); }

    /// Of the control blocks: those that shared owners or weak pointers hold are live. All zero while
    /// there are none. O(capacity).
    [[nodiscard]] concurrent_pool_stats shared_stats() const noexcept {
        return shared() != nullptr ? shared()->controls().stats() : concurrent_pool_stats{};
    }

    /// Checks every invariant, of the control blocks too, while no other thread is inside;
    /// O(capacity x threads).
    [[nodiscard]] verdict verify() noexcept {
        const verdict objects = core_.verify();
        return objects && home_ != nullptr ? home_->controls().verify() : objects;
    }

    /// Bytes that `memory.buffer` must have for these options.
    [[nodiscard]] static std::size_t buffer_bytes(const concurrent_object_pool_options& options) {
        return layout(options).blocks.buffer_bytes();
    }

    /// Bytes that a buffer for `prepare_shared` must have.
    [[nodiscard]] static std::size_t
    shared_buffer_bytes(const concurrent_object_pool_options& options) {
        const detail::cache_limits limits = layout(options).limits;
        return home::buffer_bytes({.name = options.name,
                                   .capacity = options.capacity,
                                   .threads = threads_of(limits.threads),
                                   .memory = {}});
    }

private:
    template <class, class>
    friend class detail::shared_deleter;

    /// As many threads keep control blocks as keep objects. Where none does, so many that none can.
    [[nodiscard]] static std::size_t threads_of(std::size_t threads) noexcept {
        return threads != 0 ? threads : detail::cache_limits::threads_most;
    }

    [[nodiscard]] home* shared() const noexcept {
        // Pairs with the replacement in open_home().
        return detail::atomic_load(home_, std::memory_order_acquire);
    }

    /// Several threads may come here at once; the first to finish gives its home to all.
    MILLPOND_SLOW_PATH home& open_home(const memory_options& memory) {
        home* const made = home::make({.name = core_.name(),
                                       .capacity = core_.capacity(),
                                       .threads = threads_of(core_.threads()),
                                       .prefault = core_.storage().prefaults(),
                                       .memory = memory},
                                      this);
        // Pairs with the load in shared().
        if (!detail::atomic_replace<home*>(home_, nullptr, made, std::memory_order_release)) {
            made->close();
        }
        return *shared();
    }

    /// The last owner of an object goes.
    void destroy_shared(T* object, const home& owners) noexcept {
        if (!owners.is_sweeping() || core_.is_live_block(detail::block_of(object))) {
            destroy(object);
        }
    }

    [[nodiscard]] static detail::concurrent_layout
    layout(const concurrent_object_pool_options& options) {
        return detail::concurrent_layout::of(options.name,
                                             sizeof(T),
                                             alignof(T),
                                             options.capacity,
                                             options.threads,
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

/// One thread's view of a concurrent_object_pool; see concurrent_block_pool::local_view.
///
/// Units:      as concurrent_object_pool.
/// Complexity: as there.
/// Errors:     as there.
/// Threads:    the one that called `local()`, for as long as it and the pool live.
/// Source:     as there.
template <class T>
class concurrent_object_pool<T>::local_view {
public:
    /// As concurrent_object_pool::try_create.
    template <class... Arguments>
    [[nodiscard]] T*
    try_create(Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
        void* const block = try_allocate();
        return block == nullptr
                   ? nullptr
                   : detail::construct_in<T>(*core_, block, std::forward<Arguments>(arguments)...);
    }

    /// As concurrent_object_pool::create.
    template <class... Arguments>
    [[nodiscard, gnu::returns_nonnull]] T* create(Arguments&&... arguments) {
        void* const block = try_allocate();
        if (block == nullptr) [[unlikely]] {
            core_->throw_full();
        }
        return detail::construct_in<T>(*core_, block, std::forward<Arguments>(arguments)...);
    }

    /// As concurrent_object_pool::destroy.
    void destroy(T* object) noexcept {
        void* const block = detail::block_of(object);
        if (core_->begin_free(block)) [[likely]] {
            std::destroy_at(object);
            core_->finish_free(block, cache_);
        }
    }

    /// False for a thread beyond the pool's `threads`: the view works, on the shared words.
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

/// Room set aside by `reserve_tokens`: as many objects whose creation cannot fail for want of room.
/// What is not taken goes back when the reservation dies.
///
/// Units:      objects.
/// Complexity: as concurrent_block_pool::reservation.
/// Errors:     `create` returns nullptr once `remaining()` is 0, never before; what the constructor
///             throws passes, and the block is free for all.
/// Threads:    one at a time per reservation; it may move to another thread.
/// Source:     own.
template <class T>
class concurrent_object_pool<T>::reservation {
public:
    /// An object in one of the places that were set aside.
    template <class... Arguments>
    [[nodiscard]] T*
    create(Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
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
