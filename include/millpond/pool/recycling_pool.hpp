// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Objects that are expensive to build and stay built: a connection, a buffer with its capacity, a
/// compiled expression. `acquire` lends one, the lease gives it back, a hook cleans it on the way.
///
///     millpond::recycling_pool<std::vector<char>, clear_it> buffers(
///         {.name = "buffers", .capacity = 64});
///     auto buffer = buffers.acquire();       // built when its turn first comes, and then kept
///     buffer->push_back('a');

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/concurrent_core.hpp"
#include "millpond/pool/construct.hpp"
#include "millpond/pool/region_storage.hpp"

#include <cstddef>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

/// How a recycling_pool is made. `capacity` has no default.
struct recycling_pool_options {
    pool_name name{};         ///< in every report; at most 31 characters
    std::size_t capacity = 0; ///< objects that can be on lease at once, whatever the threads do
    std::size_t threads = 0;  ///< threads that keep objects of their own; at most 250. 0: twice the
                              ///< processors, at least 8
    capacity_bound bound = capacity_bound::at_least; ///< exact: never one more than `capacity`, and
                                                     ///< no thread keeps any
    bool prefault = false;   ///< touch every page now, so that none faults later
    memory_options memory{}; ///< where the memory comes from
};

/// The hook that leaves a returned object as it is.
struct keep_as_is {
    /// Does nothing.
    template <class T>
    void operator()(T& /*object*/) const noexcept {}
};

/// A pool of built objects for any thread. `Reset` is called with each object that comes back, in
/// the thread that gives it back, so possibly in several threads at once.
///
/// Units:      objects of type T.
/// Complexity: O(1) each, bounds in instructions in docs/guarantees.md, plus the hook; a call that
///             finds its thread's objects used up tries again each time another thread takes what
///             it found. No lock, no system call (except to wake a waiting thread). A constructor
///             runs only when an object is lent for the first time. Destruction destroys every
///             object that was built, O(capacity).
/// Errors:     `try_acquire` returns an empty lease when all are lent, `acquire` throws
///             pool_exhausted; both pass on what the constructor throws, and the place is free
///             again. A lease that outlives the pool is reported, and stops the program when it
///             ends.
/// Threads:    any, at any time; each lease one at a time. Construction, destruction and `verify`
///             must not overlap any other call.
/// Source:     Bonwick 1994 (object caching: keep what construction has done).
template <class T, class Reset = keep_as_is>
class recycling_pool {
    static_assert(detail::poolable<T>);

    using core = detail::concurrent_core<detail::region_storage<detail::object_stride<T>>>;

public:
    using value_type = T;
    class lease;

    explicit recycling_pool(const recycling_pool_options& options, Reset reset = Reset())
        : core_(options.name, layout(options), free_check::fast, options.memory)
        , reset_(std::move(reset)) {
        static_assert(std::is_nothrow_invocable_v<Reset&, T&>,
                      "the hook runs in destructors: make it noexcept");
    }

    recycling_pool(const recycling_pool&) = delete;
    recycling_pool& operator=(const recycling_pool&) = delete;

    ~recycling_pool() {
        core_.leave_threads();
        const std::size_t lent = checked_build ? core_.count_live() : 0;
        if (lent != 0) {
            detail::report_leak(name(), lent, sizeof(T));
        }
        core_.for_each_block(
            [](detail::block_state state) { return state != detail::block_state::never; },
            [](void* block) {
                detail::unpoison_as_it_was(block, sizeof(T));
                std::destroy_at(std::launder(static_cast<T*>(block)));
            });
        core_.retire();
    }

    /// Lends an object; the lease is empty when all are lent. The arguments go to the constructor
    /// if it has to be called; otherwise they are not used (as in std::map::try_emplace).
    template <class... Arguments>
    [[nodiscard]] lease
    try_acquire(Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
        detail::thread_cache* const cache = core_.own_cache_or_join();
        void* const block = cache != nullptr ? core_.pick(*cache) : core_.pick_directly();
        if (block == nullptr) [[unlikely]] {
            return lease();
        }
        const bool fresh = core_.is_fresh(block);
        (void)core_.hand_out(block);
        if (fresh) [[unlikely]] {
            fresh_blocks source{core_};
            return lease(
                *this,
                detail::construct_in<T>(source, block, std::forward<Arguments>(arguments)...));
        }
        detail::unpoison_as_it_was(block, sizeof(T));
        return lease(*this, std::launder(static_cast<T*>(block)));
    }

    /// Lends an object; throws pool_exhausted when all are lent. The arguments are used as in
    /// `try_acquire`.
    template <class... Arguments>
    [[nodiscard]] lease acquire(Arguments&&... arguments) {
        lease lent = try_acquire(std::forward<Arguments>(arguments)...);
        if (!lent) [[unlikely]] {
            core_.throw_full();
        }
        return lent;
    }

    /// True only for the address of an object on lease; false for any other, including null. If
    /// another thread takes or returns the object meanwhile, the answer is that from before or
    /// after. O(1), no atomic step.
    [[nodiscard]] bool is_live(const void* address) const noexcept {
        return core_.is_live_block(address);
    }

    /// Objects that can be lent at once, whatever the threads do. At times there are more, unless
    /// the bound is exact.
    [[nodiscard]] std::size_t capacity() const noexcept { return core_.capacity(); }

    /// Objects that can ever be lent at once: `capacity()` plus the spare ones.
    [[nodiscard]] std::size_t max_capacity() const noexcept { return core_.blocks(); }

    /// Objects that are lent, counted while other threads change them. O(capacity).
    [[nodiscard]] std::size_t size_estimate() const noexcept { return core_.count_live(); }

    [[nodiscard]] const char* name() const noexcept { return core_.name().c_str(); }

    /// Returns a snapshot of the pool's figures. O(capacity).
    [[nodiscard]] concurrent_pool_stats stats() const noexcept { return core_.stats(); }

    /// Checks every invariant; no other thread may be in the pool. O(capacity x threads).
    [[nodiscard]] verdict verify() noexcept { return core_.verify(); }

    /// Bytes that `memory.buffer` must have for these options.
    [[nodiscard]] static constexpr std::size_t buffer_bytes(const recycling_pool_options& options) {
        return layout(options).blocks.buffer_bytes();
    }

private:
    /// Takes back the block of an object whose constructor threw.
    struct fresh_blocks {
        core& pool;

        void deallocate(void* block) noexcept { pool.put_back_fresh(block); }
    };

    [[nodiscard]] static constexpr detail::concurrent_layout
    layout(const recycling_pool_options& options) {
        return detail::concurrent_layout::of(options.name,
                                             sizeof(T),
                                             alignof(T),
                                             options.capacity,
                                             options.threads,
                                             options.bound,
                                             options.prefault);
    }

    void give_back(T* object) noexcept {
        core_.require_live(object); // before the hook sees an object that is gone
        reset_(*object);
        if (core_.begin_free(object)) {
            core_.finish_free(object, core_.own_cache_or_join());
        }
    }

    core core_;
    [[no_unique_address]] Reset reset_;
};

/// An object on loan, given back when the lease ends. Move only.
///
/// Units:      one object, or none.
/// Complexity: O(1), plus the hook when the object goes back.
/// Errors:     none; dereferencing an empty lease is undefined, as for a pointer.
/// Threads:    one at a time; it may end in a different thread from the one where it began.
/// Source:     Bonwick 1994 (object caching).
template <class T, class Reset>
class recycling_pool<T, Reset>::lease {
public:
    /// An empty lease.
    lease() noexcept = default;

    /// Takes over the object; the other lease is then empty.
    lease(lease&& other) noexcept
        : pool_(other.pool_)
        , object_(std::exchange(other.object_, nullptr)) {}

    lease& operator=(lease&& other) noexcept {
        lease taken(std::move(other));
        std::swap(pool_, taken.pool_);
        std::swap(object_, taken.object_);
        return *this;
    }

    lease(const lease&) = delete;
    lease& operator=(const lease&) = delete;

    /// Gives the object back.
    ~lease() { release(); }

    [[nodiscard]] explicit operator bool() const noexcept { return object_ != nullptr; }

    [[nodiscard]] T* get() const noexcept { return object_; }

    [[nodiscard]] T& operator*() const noexcept { return *object_; }

    [[nodiscard]] T* operator->() const noexcept { return object_; }

    /// Gives the object back now.
    void release() noexcept {
        if (object_ != nullptr) {
            pool_->give_back(std::exchange(object_, nullptr));
        }
    }

private:
    friend class recycling_pool;

    lease(recycling_pool& pool, T* object) noexcept
        : pool_(&pool)
        , object_(object) {}

    recycling_pool* pool_ = nullptr;
    T* object_ = nullptr;
};

MILLPOND_NAMESPACE_END
