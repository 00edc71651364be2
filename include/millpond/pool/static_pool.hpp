// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Pools that hold their blocks inside themselves: no heap, no operating system, no exceptions.
///
///     constinit millpond::static_object_pool<message, 64> messages;      // lies in .bss
///     message* m = messages.try_create(kind, length);                    // nullptr when full

#include "millpond/base/bits.hpp"
#include "millpond/base/config.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/pool/inline_storage.hpp"
#include "millpond/pool/pool_core.hpp"
#include "millpond/pool/pool_deleter.hpp"
#include "millpond/pool/position.hpp"
#include "millpond/pool/typed_pool.hpp"

#include <cstddef>
#include <memory>
#include <span>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <std::size_t Bytes, std::size_t Alignment, std::size_t Blocks>
using static_storage =
    inline_storage<round_up(Bytes, Alignment),
                   Alignment,
                   Blocks,
                   position_for<magazine_places_for(Blocks, round_up(Bytes, Alignment))>>;

template <std::size_t Bytes, std::size_t Alignment, std::size_t Blocks, block_use Use>
using static_core = pool_core<static_storage<Bytes, Alignment, Blocks>,
                              magazine_places_for(Blocks, round_up(Bytes, Alignment)),
                              Use>;

} // namespace detail

/// A pool of N raw blocks of `Bytes` bytes inside the object itself.
///
/// Units:      blocks of `Bytes` bytes rounded up to `Alignment`.
/// Complexity: O(1) each, bounds in instructions in docs/guarantees.md; `verify` is O(N).
/// Errors:     `try_allocate` returns nullptr when full, `allocate` throws pool_exhausted (without
///             exceptions: one line, then abort); freeing anything but a live block stops the
///             program with one line. Live blocks at destruction are not reported: a static pool
///             dies with its program.
/// Threads:    one thread at a time per pool.
/// Source:     Bonwick 2001 (magazines); Briggs and Torczon 1993 (sparse sets); docs/design.md.
template <std::size_t Bytes,
          std::size_t N,
          std::size_t Alignment = detail::natural_alignment(Bytes)>
class static_block_pool {
    static_assert(Bytes >= 1, "a block has at least one byte");

public:
    constexpr static_block_pool() noexcept
        : static_block_pool(pool_name()) {}

    /// A named pool is initialised data: it makes the executable larger by its own size.
    explicit constexpr static_block_pool(pool_name name) noexcept
        : core_(name) {}

    static_block_pool(const static_block_pool&) = delete;
    static_block_pool& operator=(const static_block_pool&) = delete;

    ~static_block_pool() { core_.retire(); }

    /// Returns an uninitialised block, or nullptr when the pool is full.
    [[nodiscard]] void* try_allocate() noexcept { return core_.try_allocate(); }

    /// Returns an uninitialised block; throws pool_exhausted when the pool is full.
    [[nodiscard, gnu::returns_nonnull]] void* allocate() {
        void* const block = core_.try_allocate();
        if (block == nullptr) [[unlikely]] {
            detail::throw_exhausted(name(), N, high_water(), 0);
        }
        return block;
    }

    /// Takes a block back. A null pointer is ignored.
    void deallocate(void* block) noexcept { core_.deallocate(block); }

    /// Fills `out` from the start with as many blocks as there are, and returns how many.
    /// O(out.size()).
    [[nodiscard]] std::size_t try_allocate_bulk(std::span<void*> out) noexcept {
        return core_.try_allocate_bulk(out);
    }

    /// Takes back many blocks; neighbours are cheapest. Null pointers are ignored.
    /// O(blocks.size()).
    void deallocate_bulk(std::span<void* const> blocks) noexcept { core_.deallocate_bulk(blocks); }

    /// Frees every block at once: pointers to blocks are no longer valid. O(metadata).
    void clear() noexcept { core_.clear(); }

    /// True only for the start of a live block; false for any other address, including null. O(1); at level
    /// `unchecked` O(1,024), a search of the magazine.
    [[nodiscard]] bool is_live(const void* address) const noexcept {
        return core_.is_live_block(address);
    }

    /// True when the address lies inside this pool's blocks.
    [[nodiscard]] bool owns(const void* address) const noexcept { return core_.owns(address); }

    [[nodiscard]] static constexpr std::size_t capacity() noexcept { return N; }

    /// Blocks that the pool may grow to: N, because it never grows.
    [[nodiscard]] static constexpr std::size_t max_capacity() noexcept { return N; }

    /// Blocks that are live.
    [[nodiscard]] std::size_t size() const noexcept { return core_.live(); }

    /// capacity() - size().
    [[nodiscard]] std::size_t available() const noexcept { return N - size(); }

    /// The most blocks that were ever live at once; exact.
    [[nodiscard]] std::size_t high_water() const noexcept { return core_.high_water(); }

    [[nodiscard]] static constexpr std::size_t block_bytes() noexcept {
        return detail::round_up(Bytes, Alignment);
    }

    [[nodiscard]] static constexpr std::size_t block_alignment() noexcept { return Alignment; }

    [[nodiscard]] const char* name() const noexcept { return core_.name().c_str(); }

    [[nodiscard]] pool_stats stats() const noexcept { return core_.stats(); }

    /// Checks every invariant; O(N).
    [[nodiscard]] verdict verify() const noexcept { return core_.verify(); }

private:
    detail::static_core<Bytes, Alignment, N, detail::block_use::raw> core_;
};

/// A pool of N objects inside the pool object itself. Its destructor destroys what is left. There
/// is no `make_shared`: control blocks would need memory from elsewhere.
///
/// Units:      objects of type T.
/// Complexity: O(1) each, bounds in instructions in docs/guarantees.md; iteration O(N / 8).
/// Errors:     `try_create` returns nullptr when full, `create` throws pool_exhausted (without
///             exceptions: one line, then abort); both pass on what the constructor throws;
///             destroying anything but a live object stops the program with one line.
/// Threads:    one thread at a time per pool.
/// Source:     Bonwick 2001 (magazines); Briggs and Torczon 1993 (sparse sets); docs/design.md.
template <class T, std::size_t N>
class static_object_pool
    : public detail::typed_pool<
          T,
          detail::
              static_core<sizeof(T), detail::object_alignment<T>, N, detail::block_use::objects>> {
    using base = detail::typed_pool<
        T,
        detail::static_core<sizeof(T), detail::object_alignment<T>, N, detail::block_use::objects>>;

public:
    using deleter = pool_deleter<static_object_pool>;
    using unique = std::unique_ptr<T, deleter>;

    constexpr static_object_pool() noexcept
        : base(pool_name()) {}

    /// A named pool is initialised data: it makes the executable larger by its own size.
    explicit constexpr static_object_pool(pool_name name) noexcept
        : base(name) {}

    static_object_pool(const static_object_pool&) = delete;
    static_object_pool& operator=(const static_object_pool&) = delete;

    ~static_object_pool() { base::finish(); }

    /// Constructs an object with a unique owner that destroys it; throws pool_exhausted when the
    /// pool is full. The pool must outlive the owner.
    template <class... Arguments>
    [[nodiscard]] unique make_unique(Arguments&&... arguments) {
        return unique(base::create(std::forward<Arguments>(arguments)...), deleter(this));
    }

    /// Constructs an object with a unique owner that destroys it; the owner is empty when the pool
    /// is full. The pool must outlive the owner.
    template <class... Arguments>
    [[nodiscard]] unique try_make_unique(Arguments&&... arguments) noexcept(
        detail::constructs_nothrow<T, Arguments...>) {
        return unique(base::try_create(std::forward<Arguments>(arguments)...), deleter(this));
    }
};

MILLPOND_NAMESPACE_END
