// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Objects of one type; their number is chosen at run time.
///
///     millpond::object_pool<order> orders({.name = "orders", .capacity = 1'000'000});
///     order* o = orders.create(id, price, quantity);
///     for (order& live : orders) { ... }     // in address order
///     orders.destroy(o);
///     std::shared_ptr<order> s = orders.make_shared(id, price, quantity);

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/pool_core.hpp"
#include "millpond/pool/pool_deleter.hpp"
#include "millpond/pool/region_storage.hpp"
#include "millpond/pool/shared_owner.hpp"
#include "millpond/pool/typed_pool.hpp"

#include <cstddef>
#include <memory>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

/// How an object_pool is made. `capacity` has no default.
struct object_pool_options {
    pool_name name{};             ///< in every report; at most 31 characters
    std::size_t capacity = 0;     ///< objects ready at construction, at least 1
    std::size_t max_capacity = 0; ///< objects to grow to; 0: never grows. Below 2^32
    bool prefault = false;        ///< touch every committed page now, so that none faults later
    memory_options memory{};      ///< where the memory comes from
};

/// A pool of objects of one type in one contiguous region. Its destructor destroys what is left.
///
/// Units:      objects of type T; a block is sizeof(T) bytes.
/// Complexity: O(1) each, bounds in instructions in docs/guarantees.md; iteration O(capacity / 8)
///             plus the objects; `shrink` and `verify` O(capacity); no system call once committed.
/// Errors:     `try_create` returns nullptr when full, `create` throws pool_exhausted, and both
///             pass on what the constructor throws; destroying anything but a live object stops the
///             program with one line; the pool's constructor throws std::invalid_argument or
///             std::system_error and leaves nothing behind.
/// Threads:    one thread at a time per pool. Shared owners may be copied in any thread; while the
///             last owner or the last weak pointer of an object is dropped, no other thread may be
///             in the pool.
/// Source:     Bonwick 2001 (magazines); Briggs and Torczon 1993 (sparse sets); docs/design.md.
template <class T>
class object_pool
    : public detail::typed_pool<T,
                                detail::pool_core<detail::region_storage<detail::object_stride<T>>,
                                                  detail::magazine_places,
                                                  detail::block_use::objects>> {
    using base =
        detail::typed_pool<T,
                           detail::pool_core<detail::region_storage<detail::object_stride<T>>,
                                             detail::magazine_places,
                                             detail::block_use::objects>>;
    using home = detail::shared_home<block_pool, block_pool_options>;

public:
    using deleter = pool_deleter<object_pool>;
    using unique = std::unique_ptr<T, deleter>;

    explicit object_pool(const object_pool_options& options)
        : base(options.name, options.name, layout(options), options.memory) {}

    /// Takes over the objects, which stay where they are, with their shared owners; the other pool
    /// has none left.
    object_pool(object_pool&& other) noexcept
        : base(static_cast<base&&>(other)) {
        take_home(other);
    }

    object_pool& operator=(object_pool&& other) noexcept {
        if (this != &other) {
            clear();
            leave_home();
            base::operator=(static_cast<base&&>(other));
            take_home(other);
        }
        return *this;
    }

    object_pool(const object_pool&) = delete;
    object_pool& operator=(const object_pool&) = delete;

    ~object_pool() {
        base::finish();
        leave_home();
    }

    /// Constructs an object with a unique owner that destroys it; throws pool_exhausted when the
    /// pool is full. The pool must neither move nor be destroyed before the owner.
    template <class... Arguments>
    [[nodiscard]] unique make_unique(Arguments&&... arguments) {
        return unique(base::create(std::forward<Arguments>(arguments)...), deleter(this));
    }

    /// Constructs an object with a unique owner that destroys it; the owner is empty when the pool
    /// is full. The pool must neither move nor be destroyed before the owner.
    template <class... Arguments>
    [[nodiscard]] unique try_make_unique(Arguments&&... arguments) noexcept(
        detail::constructs_nothrow<T, Arguments...>) {
        return unique(base::try_create(std::forward<Arguments>(arguments)...), deleter(this));
    }

    /// Constructs an object with a shared owner. The control block lies in a pool of its own, made
    /// by the first call, or earlier by `reserve_shared`. Throws pool_exhausted when either pool is
    /// full; a weak pointer keeps a control block, not an object. The pool may move; the last owner
    /// of an object that was destroyed with its pool, or by `clear`, stops the program.
    template <class... Arguments>
    [[nodiscard]] std::shared_ptr<T> make_shared(Arguments&&... arguments) {
        void* const block = base::core().try_allocate();
        if (block == nullptr) [[unlikely]] {
            base::throw_full();
        }
        return share_in(
            block,
            [](home& owners) { return owners.allocate(); },
            std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object with a shared owner; the owner is empty when there is no room for the
    /// object or its control block. Throws what the constructor throws and, when the pool of
    /// control blocks must be made first, what `reserve_shared` throws.
    template <class... Arguments>
    [[nodiscard]] std::shared_ptr<T> try_make_shared(Arguments&&... arguments) {
        void* const block = base::core().try_allocate();
        if (block == nullptr) [[unlikely]] {
            return nullptr;
        }
        return share_in(
            block,
            [](home& owners) { return owners.try_allocate(); },
            std::forward<Arguments>(arguments)...);
    }

    /// Makes room for as many control blocks as objects, in memory like the pool's own, so that no
    /// call of `make_shared` has to. Does nothing if there is room already. Throws what the pool's
    /// constructor throws; a pool in a buffer needs the overload with an argument.
    void reserve_shared() { reserve_shared(memory_kind()); }

    /// Makes room for as many control blocks as objects, in memory of the given kind. A buffer must
    /// have `shared_buffer_bytes`, and must outlive the pool and every weak pointer.
    void reserve_shared(const memory_options& memory) {
        if (home_ == nullptr) {
            (void)open_home(memory);
        }
    }

    /// Destroys every live object, even if it has shared owners, and keeps the memory. Such owners
    /// then own nothing, and the last one of an object stops the program when it ends.
    void clear() noexcept {
        base::clear();
        if (home_ != nullptr) {
            home_->forget_owners();
        }
    }

    /// Commits memory until `objects` can be live without growing, with control blocks for them if
    /// there are any; throws pool_exhausted beyond max_capacity, or with the system's reason.
    void reserve(std::size_t objects) {
        detail::reserve_or_throw(base::core().storage(), base::name(), objects, base::high_water());
        if (home_ != nullptr) {
            home_->controls().reserve(objects);
        }
    }

    /// Commits memory until `objects` can be live without growing, with control blocks for them if
    /// there are any; returns false beyond max_capacity, or when the system refuses.
    [[nodiscard]] bool try_reserve(std::size_t objects) noexcept {
        return detail::try_reserve(base::core().storage(), objects) &&
               (home_ == nullptr || home_->controls().try_reserve(objects));
    }

    /// Gives the pages under free blocks, including control blocks, back to the system and returns
    /// how many bytes. They fault in again when used. Returns 0 for locked, heap and buffer memory.
    /// O(capacity).
    std::size_t shrink() noexcept {
        return base::core().shrink() + (home_ != nullptr ? home_->controls().shrink() : 0);
    }

    /// Returns the figures of the control blocks: those that shared owners or weak pointers hold
    /// are live. All zero while there are none.
    [[nodiscard]] pool_stats shared_stats() const noexcept {
        return home_ != nullptr ? home_->controls().stats() : pool_stats{};
    }

    /// Checks every invariant, those of the control blocks too; O(capacity).
    [[nodiscard]] verdict verify() const noexcept {
        const verdict objects = base::verify();
        return objects && home_ != nullptr ? home_->controls().verify() : objects;
    }

    /// Bytes that `memory.buffer` must have for these options.
    [[nodiscard]] static constexpr std::size_t buffer_bytes(const object_pool_options& options) {
        return layout(options).buffer_bytes();
    }

    /// Bytes that a buffer for `reserve_shared` must have.
    [[nodiscard]] static constexpr std::size_t
    shared_buffer_bytes(const object_pool_options& options) {
        return home::buffer_bytes({.name = options.name,
                                   .capacity = options.capacity,
                                   .max_capacity = options.max_capacity,
                                   .memory = {}});
    }

private:
    template <class TakeControl, class... Arguments>
    [[nodiscard]] std::shared_ptr<T>
    share_in(void* block, TakeControl take_control, Arguments&&... arguments) {
        return detail::make_shared_in<T, object_pool>(
            base::core(),
            block,
            [this]() -> home& { return home_ != nullptr ? *home_ : open_home(memory_kind()); },
            take_control,
            std::forward<Arguments>(arguments)...);
    }

    [[nodiscard]] memory_options memory_kind() const noexcept {
        return base::core().storage().memory_kind();
    }

    MILLPOND_SLOW_PATH home& open_home(const memory_options& memory) {
        home_ = home::make({.name = base::name(),
                            .capacity = base::capacity(),
                            .max_capacity = base::core().storage().max_capacity(),
                            .prefault = base::core().storage().prefaults(),
                            .memory = memory},
                           this);
        return *home_;
    }

    void take_home(object_pool& other) noexcept {
        home_ = std::exchange(other.home_, nullptr);
        if (home_ != nullptr) {
            home_->follow(this);
        }
    }

    void leave_home() noexcept {
        if (home_ != nullptr) {
            std::exchange(home_, nullptr)->retire();
        }
    }

    [[nodiscard]] static constexpr detail::pool_layout layout(const object_pool_options& options) {
        return base::core_type::adapted(detail::pool_layout::checked(options.name,
                                                                     sizeof(T),
                                                                     alignof(T),
                                                                     options.capacity,
                                                                     options.max_capacity,
                                                                     options.prefault));
    }

    home* home_ = nullptr; ///< the control blocks of shared owners, once there are any
};

MILLPOND_NAMESPACE_END
