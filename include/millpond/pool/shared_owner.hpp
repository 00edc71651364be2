// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Shared owners of a pool's objects: a std::shared_ptr whose object lies in the pool and whose control
/// block lies in a second pool, its *home*. Nothing comes from the heap.
///
///     pool  <---------->  home
///     [ object ]          [ control block: counts, object, home, ... ]  <---  shared_ptr, weak_ptr
///
/// Each knows the other. The home keeps its address when the pool moves, and outlives the pool for
/// as long as control blocks are left in it. So a weak pointer may outlive everything, and a shared
/// pointer that outlives its object learns that from the home, whatever has become of the pool's
/// memory.

#include "millpond/base/atomic_access.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/name.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/memory/region.hpp"
#include "millpond/pool/construct.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// Room for one control block: the standard libraries need 56 to 64 bytes. Each has a cache line,
/// so that threads that count the owners of different objects do not write to the same line.
/// libstdc++ puts a mutex in each where the processor has no atomic steps on two bytes, as on
/// riscv64.
#if defined(__GLIBCXX__) && !defined(_GLIBCXX_HAVE_ATOMIC_LOCK_POLICY)
inline constexpr std::size_t control_bytes = 128;
#else
inline constexpr std::size_t control_bytes = 64;
#endif

/// "orders.shared": the home of "orders" in reports and in /proc/self/maps.
[[nodiscard]] pool_name home_name(const pool_name& pool) noexcept;

/// Memory for a home itself. Takes it from the front of `memory.buffer` if that is the source; throws
/// when the buffer has fewer than `buffer_bytes`, or when the system refuses.
[[nodiscard]] region place_for_home(const pool_name& name,
                                    memory_options& memory,
                                    std::size_t bytes,
                                    std::size_t alignment,
                                    bool prefault,
                                    std::size_t buffer_bytes);

/// The control blocks of one pool's objects. `Controls` is the raw pool that holds them, for one thread
/// or for several, and `Options` its options.
template <class Controls, class Options>
class shared_home {
public:
    /// `options` say everything except what a control block is.
    [[nodiscard]] static shared_home* make(Options options, void* pool) {
        const pool_name name = options.name;
        options = completed(options);
        region place = place_for_home(options.name,
                                      options.memory,
                                      sizeof(shared_home),
                                      alignof(shared_home),
                                      options.prefault,
                                      bytes_for(options));
        auto* const home =
            ::new (static_cast<void*>(place.data())) shared_home(options, name, pool);
        home->place_ = std::move(place);
        return home;
    }

    /// Bytes that a buffer must have for the home and its control blocks.
    [[nodiscard]] static constexpr std::size_t buffer_bytes(Options options) {
        options.block_bytes = control_bytes;
        return bytes_for(options);
    }

    shared_home(const shared_home&) = delete;
    shared_home& operator=(const shared_home&) = delete;

    /// Returns room for a control block; throws pool_exhausted when there is none.
    [[nodiscard]] void* allocate() { return controls_.allocate(); }

    /// Returns room for a control block, or nullptr.
    [[nodiscard]] void* try_allocate() noexcept { return controls_.try_allocate(); }

    void deallocate(void* control) noexcept {
        if (pool() == nullptr) [[unlikely]] {
            forget_control();
            return;
        }
        controls_.deallocate(control);
    }

    [[nodiscard]] Controls& controls() noexcept { return controls_; }

    /// The pool whose object a last owner gives back. Stops the program when the pool is gone, or
    /// has been cleared since the owner was made.
    [[nodiscard]] void* pool_of(const void* object, std::uint32_t clearings) const noexcept {
        void* const found = pool();
        if constexpr (checked_build) {
            if (found == nullptr || clearings != clearings_) [[unlikely]] {
                refuse(object, found == nullptr ? misuse::pool_destroyed : misuse::pool_cleared);
            }
        }
        return found;
    }

    /// How often the pool was cleared.
    [[nodiscard]] std::uint32_t clearings() const noexcept { return clearings_; }

    /// The pool has moved.
    void follow(void* pool) noexcept { pool_ = pool; }

    /// The pool has been cleared; whoever owns one of its old objects owns nothing.
    void forget_owners() noexcept { ++clearings_; }

    /// The pool ends. The home goes with it, or with the last control block.
    void retire() noexcept {
        controls_left_ = live_controls();
        if (controls_left_ == 0) {
            close();
        } else {
            // Pairs with the acquire in pool(): whoever finds no pool finds the count.
            atomic_store<void*>(pool_, nullptr, std::memory_order_release);
        }
    }

    /// Ends the home and gives back the memory that it lies in.
    void close() noexcept {
        const region place = std::move(place_);
        this->~shared_home();
    }

private:
    shared_home(const Options& options, const pool_name& name, void* pool)
        : controls_(options)
        , pool_(pool)
        , name_(name) {}

    ~shared_home() = default;

    [[nodiscard]] static Options completed(Options options) {
        options.name = home_name(options.name);
        options.block_bytes = control_bytes;
        options.leaks = decltype(options.leaks)::ignore; // control blocks may outlive the pool
        return options;
    }

    [[nodiscard]] static constexpr std::size_t bytes_for(const Options& completed_options) {
        return sizeof(shared_home) + alignof(shared_home) +
               Controls::buffer_bytes(completed_options);
    }

    [[nodiscard]] void* pool() const noexcept {
        // Pairs with the release in retire().
        return atomic_load(pool_, std::memory_order_acquire);
    }

    [[nodiscard]] std::size_t live_controls() const noexcept {
        if constexpr (requires { controls_.size(); }) {
            return controls_.size();
        } else {
            return controls_.size_estimate(); // exact: nobody else is inside
        }
    }

    /// Ends a control block that has outlived the pool, in whatever thread.
    MILLPOND_SLOW_PATH void forget_control() noexcept {
        // Pairs with itself: the last one comes after everything that the others did here.
        if (atomic_add(controls_left_, ~std::size_t{0}, std::memory_order_acq_rel) == 1) {
            close();
        }
    }

    [[noreturn]] MILLPOND_SLOW_PATH void refuse(const void* object, misuse reason) const noexcept {
        stop_on_misuse({.pool_name = name_.c_str(), .reason = reason, .address = object});
    }

    Controls controls_;
    void* pool_;                    ///< nullptr once it is gone
    std::size_t controls_left_ = 0; ///< once the pool is gone: what keeps the home alive
    region place_;                  ///< where this object lies
    std::uint32_t clearings_ = 0;   ///< how often the pool was cleared
    pool_name name_;                ///< the pool's
};

/// The deleter of a shared owner: gives the object back to wherever its pool is now.
template <class Pool, class Home>
class shared_deleter {
public:
    explicit shared_deleter(Home& home) noexcept
        : home_(&home)
        , clearings_(home.clearings()) {}

    template <class T>
    void operator()(T* object) const noexcept {
        static_cast<Pool*>(home_->pool_of(object, clearings_))->destroy(object);
    }

private:
    Home* home_;
    std::uint32_t clearings_; ///< of the pool, when the owner was made
};

/// Hands std::shared_ptr the one block that was taken for it, so that nothing can fail once the
/// object is constructed; takes the block back when the last owner and the last weak pointer are
/// gone.
template <class T, class Home>
class control_allocator {
public:
    using value_type = T;

    control_allocator(Home& home, void* control) noexcept
        : home_(&home)
        , control_(control) {}

    template <class U>
    // NOLINTNEXTLINE(google-explicit-constructor): allocators convert to each other
    control_allocator(const control_allocator<U, Home>& other) noexcept
        : home_(other.home_)
        , control_(other.control_) {}

    [[nodiscard]] T* allocate(std::size_t /*count*/) const noexcept {
        static_assert(sizeof(T) <= control_bytes,
                      "this standard library's control blocks are larger: raise control_bytes");
        return static_cast<T*>(control_);
    }

    void deallocate(T* control, std::size_t /*count*/) const noexcept {
        home_->deallocate(control);
    }

    template <class U>
    [[nodiscard]] friend bool operator==(const control_allocator& a,
                                         const control_allocator<U, Home>& b) noexcept {
        return a.home_ == b.home_;
    }

private:
    template <class, class>
    friend class control_allocator;

    Home* home_;
    void* control_;
};

/// Constructs an object with a shared owner in a block of `core`; the owner is empty when
/// `take_control(home)` returns nullptr. Whatever was taken is free again when there is no home or
/// no room for a control block, or when the constructor throws.
template <class T, class Pool, class Core, class GetHome, class TakeControl, class... Arguments>
[[nodiscard]] std::shared_ptr<T> make_shared_in(
    Core& core, void* block, GetHome get_home, TakeControl take_control, Arguments&&... arguments) {
    return_on_throw<Core> block_guard(core, block);
    auto& home = get_home();
    using home_type = std::remove_reference_t<decltype(home)>;
    void* const control = take_control(home);
    if (control == nullptr) [[unlikely]] {
        return nullptr;
    }
    return_on_throw<home_type> control_guard(home, control);
    T* const object = construct_object<T>(block, std::forward<Arguments>(arguments)...);
    block_guard.keep();
    control_guard.keep(); // nothing throws from here on
    return std::shared_ptr<T>(object,
                              shared_deleter<Pool, home_type>(home),
                              control_allocator<std::byte, home_type>(home, control));
}

} // namespace detail

MILLPOND_NAMESPACE_END
