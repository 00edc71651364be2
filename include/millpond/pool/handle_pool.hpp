// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Objects of one type, side by side, behind handles that notice when their object is gone.
///
///     millpond::handle_pool<particle> particles({.name = "particles", .capacity = 100'000});
///     millpond::handle<particle> spark = particles.create(place, speed);
///     for (particle& each : particles) { ... }                  // an array without gaps
///     if (particle* p = particles.get(spark)) { ... }           // nullptr once it was destroyed
///     particles.destroy(spark);                                 // false when somebody else did

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/construct.hpp"
#include "millpond/pool/dense_objects.hpp"
#include "millpond/pool/handle.hpp"
#include "millpond/pool/handle_core.hpp"
#include "millpond/pool/region_storage.hpp"

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <span>
#include <type_traits>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

/// How a handle_pool is made. `capacity` has no default.
struct handle_pool_options {
    pool_name name{};             ///< in every report; at most 31 characters
    std::size_t capacity = 0;     ///< objects ready at construction, at least 1
    std::size_t max_capacity = 0; ///< objects to grow to; 0: never grows. Below 2^32
    bool prefault = false;        ///< touch every committed page now, so that none faults later
    memory_options memory{};      ///< where the memory comes from
    /// How many times a slot is used before it is retired; 0: as often as its bits allow, which is
    /// 2^(56 - n) for n bits of max_capacity - 1.
    std::uint64_t generations = 0;
};

/// A pool of objects of one type that lie side by side and are reached through handles. Its
/// destructor destroys what is left, and what destructors create on the way.
///
/// Destroying an object moves the last one into its place. So pointers, references and iterators
/// are valid until the next `destroy`, `clear` or `restore` of the pool; creating objects, growing
/// and moving the pool keep them valid. A handle never dangles: in its own pool it leads to its
/// object, or to nothing once that was destroyed, unless `restore` took the pool back to before the
/// handle was given out. A handle of another pool finds nothing as long as the tags differ; there
/// are 255 tags (handle.hpp).
///
/// Constructors, destructors and move constructors of T may use the pool, but not move, assign,
/// snapshot, restore or destroy it. Meanwhile the handle of their own object finds nothing, and
/// `handle_of(*this)` returns it. The array then ends before an object that is being constructed or
/// moved, and before what its constructor creates; an object that is being destroyed is still in
/// it.
///
/// Units:      objects of type T, which is nothrow move constructible.
/// Complexity: O(1) each, bounds in instructions in docs/guarantees.md; iteration O(objects);
///             `clear`, `verify`, `snapshot` and `restore` O(the most objects there ever were); no
///             system call once committed.
/// Errors:     `try_create` returns the null handle when full, `create` throws pool_exhausted, and
///             both pass on what the constructor throws; a handle that is stale, null or of a pool
///             with another tag finds nothing and destroys nothing; the pool's constructor throws
///             std::invalid_argument or std::system_error and leaves nothing behind.
/// Threads:    one thread at a time per pool; const calls may overlap each other.
/// Source:     own; a dense array with a sparse one beside it: Briggs and Torczon 1993 (sparse sets).
template <class T>
class handle_pool {
    static_assert(detail::poolable<T>);

public:
    using value_type = T;
    using iterator = T*;
    using const_iterator = const T*;
    using reverse_iterator = std::reverse_iterator<iterator>;
    using const_reverse_iterator = std::reverse_iterator<const_iterator>;

    explicit handle_pool(const handle_pool_options& options)
        : objects_(options.name, layout(options), options.generations, options.memory) {
        static_assert(
            std::is_nothrow_move_constructible_v<T>,
            "a handle_pool moves its last object into the place of a destroyed one: make T's "
            "move constructor noexcept, or take object_pool<T>, which never moves an object");
    }

    /// Takes over the objects, which stay where they are, and all handles; the other pool has
    /// none left: it finds nothing, and `create` finds it full.
    handle_pool(handle_pool&&) noexcept = default;

    handle_pool& operator=(handle_pool&& other) noexcept {
        if (this != &other) {
            objects_.destroy_all();
            objects_ = static_cast<decltype(objects_)&&>(other.objects_);
        }
        return *this;
    }

    handle_pool(const handle_pool&) = delete;
    handle_pool& operator=(const handle_pool&) = delete;

    ~handle_pool() {
        objects_.destroy_all();
        objects_.core().retire();
    }

    /// Constructs an object from the arguments, after all others; returns the null handle when the
    /// pool is full. If the constructor throws, the exception propagates and the place is free
    /// again. Moves no object, unless the constructor destroys some.
    template <class... Arguments>
    [[nodiscard]] handle<T>
    try_create(Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
        const detail::handle_core::place made = core().open();
        if (made.slot == detail::handle_core::none) [[unlikely]] {
            return {};
        }
        return build(made, std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object from the arguments; throws pool_exhausted when the pool is full.
    template <class... Arguments>
    handle<T> create(Arguments&&... arguments) {
        const detail::handle_core::place made = core().open();
        if (made.slot == detail::handle_core::none) [[unlikely]] {
            core().throw_full();
        }
        return build(made, std::forward<Arguments>(arguments)...);
    }

    /// Destroys the object and moves the last one into its place. Returns false, and does nothing,
    /// when the handle is stale, null or of a pool with another tag: destroying twice is no
    /// mistake.
    bool destroy(handle<T> named) noexcept {
        const std::uint64_t position = core().find(named.value());
        if (position >= core().max_capacity()) {
            return false;
        }
        objects_.remove({core().slot_of(named.value()), static_cast<std::uint32_t>(position)});
        return true;
    }

    /// Returns the object; nullptr once it was destroyed, and for a handle of a pool with another
    /// tag. A handle of a pool with the same tag, or one given out after the snapshot that
    /// `restore` has read, may find another object: handle.hpp says when.
    [[nodiscard]] T* get(handle<T> named) noexcept {
        const std::uint64_t position = core().find(named.value());
        return position < core().max_capacity() ? objects_.at(position) : nullptr;
    }

    [[nodiscard]] const T* get(handle<T> named) const noexcept {
        const std::uint64_t position = core().find(named.value());
        return position < core().max_capacity() ? objects_.at(position) : nullptr;
    }

    /// True when `get` would find the object.
    [[nodiscard]] bool contains(handle<T> named) const noexcept {
        return core().find(named.value()) < core().max_capacity();
    }

    /// Returns the handle of an object of this pool. Anything else, including what a move has left
    /// behind, stops the program with one line.
    [[nodiscard]] handle<T> handle_of(const T& object) const noexcept {
        const std::uint64_t position = position_of(std::addressof(object));
        if constexpr (checked_build) {
            if (!core().holds(position)) [[unlikely]] {
                core().refuse(std::addressof(object), sizeof(T));
            }
        }
        return handle<T>::from_value(core().handle_at(position));
    }

    /// The objects as one array, in no particular order.
    [[nodiscard]] std::span<T> objects() noexcept { return {objects_.at(0), core().size()}; }

    [[nodiscard]] std::span<const T> objects() const noexcept {
        return {objects_.at(0), core().size()};
    }

    [[nodiscard]] iterator begin() noexcept { return objects_.at(0); }

    [[nodiscard]] const_iterator begin() const noexcept { return objects_.at(0); }

    [[nodiscard]] iterator end() noexcept { return objects_.at(core().size()); }

    [[nodiscard]] const_iterator end() const noexcept { return objects_.at(core().size()); }

    /// The objects from last to first: the one at the iterator may be destroyed before the next step.
    [[nodiscard]] reverse_iterator rbegin() noexcept { return reverse_iterator(end()); }

    [[nodiscard]] const_reverse_iterator rbegin() const noexcept {
        return const_reverse_iterator(end());
    }

    [[nodiscard]] reverse_iterator rend() noexcept { return reverse_iterator(begin()); }

    [[nodiscard]] const_reverse_iterator rend() const noexcept {
        return const_reverse_iterator(begin());
    }

    /// Destroys every object, last to first, and keeps the memory. Their handles become stale.
    /// Objects that a destructor creates meanwhile may remain. O(objects).
    void clear() noexcept { objects_.clear(); }

    /// Commits memory until `objects` can be live without growing; throws pool_exhausted beyond
    /// max_capacity, or with the system's reason.
    void reserve(std::size_t objects) { core().reserve(objects); }

    /// Commits memory until `objects` can be live without growing; returns false beyond
    /// max_capacity less the retired slots, or when the system refuses.
    [[nodiscard]] bool try_reserve(std::size_t objects) noexcept {
        return core().try_reserve(objects);
    }

    /// Gives the pages after the last object back to the system and returns how many bytes. They
    /// fault in again when used. Returns 0 for locked, heap and buffer memory. O(1), one system
    /// call.
    std::size_t shrink() noexcept { return core().shrink(sizeof(T)); }

    /// True only for the address of an object that a handle finds now; false for any other,
    /// including null. O(1).
    [[nodiscard]] bool is_live(const void* address) const noexcept {
        const std::uint64_t position = position_of(address);
        return position < core().end() && core().is_live(static_cast<std::uint32_t>(position));
    }

    /// True when the address lies inside this pool's memory for objects.
    [[nodiscard]] bool owns(const void* address) const noexcept {
        return offset_of(address) < core().storage().committed_block_bytes();
    }

    /// Objects that are live.
    [[nodiscard]] std::size_t size() const noexcept { return core().size(); }

    [[nodiscard]] bool empty() const noexcept { return core().size() == 0; }

    /// Objects that can be live at once without growing; retired slots no longer count.
    [[nodiscard]] std::size_t capacity() const noexcept { return core().capacity(); }

    /// Objects that the pool may grow to, as long as no slot is retired.
    [[nodiscard]] std::size_t max_capacity() const noexcept { return core().max_capacity(); }

    /// capacity() - size().
    [[nodiscard]] std::size_t available() const noexcept { return capacity() - size(); }

    /// The most objects that were ever live at once; exact. An object whose constructor threw
    /// counts.
    [[nodiscard]] std::size_t high_water() const noexcept { return core().high_water(); }

    /// Slots whose generations are used up. Each takes one from what max_capacity allows.
    [[nodiscard]] std::size_t retired() const noexcept { return core().retired_slots(); }

    [[nodiscard]] const char* name() const noexcept { return core().name().c_str(); }

    [[nodiscard]] handle_pool_stats stats() const noexcept { return core().stats(sizeof(T)); }

    /// Checks every invariant; O(the most objects there ever were).
    [[nodiscard]] verdict verify() const noexcept { return core().verify(); }

    /// Bytes that `memory.buffer` must have for these options.
    [[nodiscard]] static constexpr std::size_t buffer_bytes(const handle_pool_options& options) {
        return layout(options).buffer_bytes(
            detail::handle_core::metadata_of(layout(options).max_capacity).bytes());
    }

    /// Bytes that `snapshot` would write now.
    [[nodiscard]] std::size_t
    snapshot_bytes() const noexcept requires std::is_trivially_copyable_v<T> {
        return core().snapshot_bytes(sizeof(T));
    }

    /// Writes all objects and what their handles need to `out`, and returns how many bytes it
    /// wrote; throws std::invalid_argument when `out` is too small. A snapshot can be read only
    /// with this byte order and this layout of T; pointers in T are written as they are.
    std::size_t snapshot(std::span<std::byte> out) const requires std::is_trivially_copyable_v<T> {
        return core().snapshot(out, sizeof(T), alignof(T));
    }

    /// Puts the pool into the state that a snapshot holds, including the tag: handles that were
    /// given out before the snapshot lead to equal objects or to nothing, as they did. Discard
    /// those that were given out after it: they will be given again, to other objects.
    ///
    /// If it throws, nothing has changed. std::invalid_argument says what is wrong with the
    /// snapshot and where, or that max_capacity has another number of bits; pool_exhausted means
    /// that max_capacity is too small or that the system refuses. A checksum finds truncation and
    /// damage. It does not protect against malice, but no bytes at all make the pool inconsistent.
    void restore(std::span<const std::byte> from) requires std::is_trivially_copyable_v<T> {
        core().restore(from, sizeof(T), alignof(T));
    }

private:
    [[nodiscard]] static constexpr detail::pool_layout layout(const handle_pool_options& options) {
        return detail::pool_layout::checked(options.name,
                                            sizeof(T),
                                            detail::object_alignment<T>,
                                            options.capacity,
                                            options.max_capacity,
                                            options.prefault);
    }

    template <class... Arguments>
    [[nodiscard]] handle<T>
    build(detail::handle_core::place made,
          Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
        return handle<T>::from_value(objects_.build(made, std::forward<Arguments>(arguments)...));
    }

    [[nodiscard]] detail::handle_core& core() noexcept { return objects_.core(); }

    [[nodiscard]] const detail::handle_core& core() const noexcept { return objects_.core(); }

    [[nodiscard]] std::uint64_t offset_of(const void* address) const noexcept {
        return reinterpret_cast<std::uintptr_t>(address) -
               reinterpret_cast<std::uintptr_t>(core().storage().blocks());
    }

    /// The position of a place; a number above all positions for any other address.
    [[nodiscard]] std::uint64_t position_of(const void* address) const noexcept {
        return detail::object_stride<T>::index_of(offset_of(address));
    }

    detail::dense_objects<T> objects_;
};

MILLPOND_NAMESPACE_END
