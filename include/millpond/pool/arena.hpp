// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Memory that is given back all at once: any sizes, one after the other, from one region.
///
///     millpond::arena scratch({.name = "scratch", .capacity = 1 << 20});
///     {
///         millpond::arena::scope whole_request(scratch);
///         void* raw = scratch.allocate(200);
///         parser* p = scratch.create<parser>(text);           // destroyed at the end of the scope
///         std::span<float> w = scratch.make_array<float>(n);  // zero
///     }

#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/memory_resource.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/arena_core.hpp"
#include "millpond/pool/arena_record.hpp"
#include "millpond/pool/construct.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

/// How an arena is made. `capacity` has no default.
struct arena_options {
    pool_name name{};             ///< in every report; at most 31 characters
    std::size_t capacity = 0;     ///< bytes ready at construction, at least 1
    std::size_t max_capacity = 0; ///< bytes to grow to; 0: never grows
    bool prefault = false;        ///< touch every committed page now, so that none faults later
    memory_options memory{};      ///< where the memory comes from
};

namespace detail {

/// Every field checked: std::invalid_argument names the first bad one.
constexpr block_room room_of(const arena_options& options) {
    constexpr std::size_t most = SIZE_MAX / 4;
    const auto require = [&](bool holds,
                             const char* field,
                             std::size_t value,
                             const char* requirement,
                             std::size_t limit) {
        if (!holds) {
            throw_bad_option(options.name.c_str(), field, value, requirement, limit);
        }
    };
    const std::size_t capacity = options.capacity;
    const std::size_t max_capacity = options.max_capacity;
    require(capacity >= 1, "capacity", capacity, "must be at least", 1);
    require(capacity <= most, "capacity", capacity, "must be at most", most);
    require(max_capacity == 0 || max_capacity >= capacity,
            "max_capacity",
            max_capacity,
            "must be 0 or at least capacity,",
            capacity);
    require(max_capacity <= most, "max_capacity", max_capacity, "must be at most", most);
    return {.bytes = max_capacity == 0 ? capacity : max_capacity,
            .ready_bytes = capacity,
            .alignment = alignof(std::max_align_t),
            .prefault = options.prefault};
}

} // namespace detail

/// Allocates by moving a position through one contiguous region, and frees by moving it back to a
/// mark. Objects with a destructor are destroyed on the way back, newest first. When the region is
/// full, so is the arena, unless it was given an upstream.
///
/// A constructor may use the arena that it runs in, and may rewind it to marks of its own. So may a
/// destructor that a rewind runs: what it makes lies above everything that is being destroyed, and
/// is freed when the rewind ends.
///
/// Units:      bytes; padding and the 16 bytes before an object with a destructor (24 before an array)
///             count as used.
/// Complexity: O(1) each, bounds in instructions in docs/guarantees.md; `rewind`, `clear` and the
///             end of a scope call each destructor once; `verify` is O(objects with a destructor),
///             construction O(1) unless prefaulted; no system call once committed.
/// Errors:     `try_` forms return nullptr or something empty when full, the others throw
///             pool_exhausted; if an object's constructor throws, the exception propagates and the
///             arena is as it was before; a mark of another arena, or one that was rewound past,
///             stops the program with one line, as do other broken contracts (docs/checks.md); the
///             arena's constructor throws std::invalid_argument or std::system_error and leaves
///             nothing behind.
/// Threads:    one thread at a time per arena.
/// Source:     Hanson 1990 (arenas); the marks are those of Pascal's heap; own (the sealed links, the
///             history of rewinds).
class arena {
    using core = detail::arena_core;

public:
    /// A state of one arena to rewind to; a default-constructed mark belongs to no arena.
    class mark_type {
    public:
        mark_type() noexcept = default;

    private:
        friend class arena;

        explicit mark_type(const core::mark& taken) noexcept
            : taken_(taken) {}

        core::mark taken_{};
    };

    /// On destruction, rewinds the arena to where it was at construction. Scopes end in reverse
    /// order.
    class [[nodiscard]] scope {
    public:
        explicit scope(arena& home) noexcept
            : home_(home)
            , start_(home.mark()) {}

        scope(const scope&) = delete;
        scope& operator=(const scope&) = delete;

        ~scope() { home_.rewind(start_); }

    private:
        arena& home_;
        mark_type start_;
    };

    /// With an upstream, an arena whose own memory is full goes on in chunks from there, each at
    /// least as large as all before it together. `rewind` and `clear` keep the chunks for later;
    /// `shrink` returns the empty ones; `release` and the destructor return all.
    explicit arena(const arena_options& options, memory_resource* upstream = nullptr);

    /// Marks, scopes and resources hold its address, so it stays where it is.
    arena(const arena&) = delete;
    arena& operator=(const arena&) = delete;

    /// Destroys what is left, newest first.
    ~arena() = default;

    /// Returns uninitialised bytes, or nullptr when they do not fit. The alignment is a power of two;
    /// any other stops the program. Zero bytes count as one, so that no two addresses are the same.
    [[nodiscard]] void* try_allocate(std::size_t bytes,
                                     std::size_t alignment = alignof(std::max_align_t)) noexcept {
        detail::require_alignment(core_.name(), alignment);
        return core_.take(0, at_least_one(bytes), alignment);
    }

    /// Returns uninitialised bytes; throws pool_exhausted when they do not fit.
    [[nodiscard, gnu::returns_nonnull]] void*
    allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
        void* const block = try_allocate(bytes, alignment);
        if (block == nullptr) [[unlikely]] {
            core_.throw_full(bytes);
        }
        return block;
    }

    /// Takes back the bytes that were allocated last, unless a mark has been taken or an object
    /// with a destructor created since. Leaves all others to the next rewind. A null pointer is
    /// ignored; an address that is not in use stops the program.
    void deallocate(void* block, std::size_t bytes) noexcept {
        core_.give_back(block, at_least_one(bytes));
    }

    /// Constructs an object; returns nullptr when it does not fit. The destructor runs when the
    /// arena is rewound.
    template <class T, class... Arguments>
    [[nodiscard]] T*
    try_create(Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
        const core::point before = core_.here();
        std::byte* const place = take_object<T>();
        if (place == nullptr) [[unlikely]] {
            return nullptr;
        }
        return construct<T>(before, place, std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object; throws pool_exhausted when it does not fit.
    template <class T, class... Arguments>
    [[nodiscard, gnu::returns_nonnull]] T* create(Arguments&&... arguments) {
        const core::point before = core_.here();
        std::byte* const place = take_object<T>();
        if (place == nullptr) [[unlikely]] {
            core_.throw_full(header<T, detail::arena_record> + sizeof(T));
        }
        return construct<T>(before, place, std::forward<Arguments>(arguments)...);
    }

    /// Makes an array of value-initialised objects: zero, or as their default constructor makes
    /// them. Returns an empty span when it does not fit. An array of no objects takes no memory.
    /// O(count).
    template <class T>
    [[nodiscard]] std::span<T>
    try_make_array(std::size_t count) noexcept(std::is_nothrow_default_constructible_v<T>) {
        static_assert(detail::poolable<T>);
        if (count > most_elements<T>) [[unlikely]] {
            core_.count_failure();
            return {};
        }
        const core::point before = core_.here();
        std::byte* const place = count == 0 ? nullptr : take_array<T>(count);
        if (place == nullptr) {
            return {};
        }
        undo source{core_, before};
        detail::return_on_throw<undo> guard(source, place);
        T* const first = reinterpret_cast<T*>(place);
        std::uninitialized_value_construct_n(first, count);
        guard.keep();
        if constexpr (!std::is_trivially_destructible_v<T>) {
            core_.require_kept(place, before);
            core_.enlist(place,
                         detail::arena_array_record{
                             {core_.link(), &detail::destroy_recorded_array<T>}, count});
        }
        return {first, count};
    }

    /// Makes an array of objects; throws pool_exhausted when it does not fit. O(count).
    template <class T>
    [[nodiscard]] std::span<T> make_array(std::size_t count) {
        const std::span<T> made = try_make_array<T>(count);
        if (made.size() != count) [[unlikely]] {
            core_.throw_full(count > most_elements<T> ? SIZE_MAX : count * sizeof(T));
        }
        return made;
    }

    /// Copies a text and adds a terminating zero; returns an empty view without data when it does
    /// not fit.
    [[nodiscard]] std::string_view try_duplicate(std::string_view text) noexcept;

    /// Copies a text and adds a terminating zero; throws pool_exhausted when it does not fit.
    [[nodiscard]] std::string_view duplicate(std::string_view text);

    /// Returns the present state, valid until the arena is rewound to an older mark.
    [[nodiscard]] mark_type mark() noexcept { return mark_type(core_.take_mark()); }

    /// Destroys what was created since the mark, newest first, and frees the memory. The mark stays
    /// valid. O(1) plus the destructors.
    void rewind(const mark_type& to) noexcept { core_.rewind(to.taken_); }

    /// Rewinds to the start and keeps the memory. O(1) plus the destructors.
    void clear() noexcept { core_.clear(); }

    /// Commits memory until `bytes` can be in use without growing; throws pool_exhausted beyond
    /// max_capacity, or with the system's reason.
    void reserve(std::size_t bytes);

    /// Commits memory until `bytes` can be in use without growing; returns false beyond
    /// max_capacity, or when the system refuses.
    [[nodiscard]] bool try_reserve(std::size_t bytes) noexcept;

    /// Destroys everything and returns all memory that can be returned: `clear`, then `shrink`.
    void release() noexcept {
        clear();
        (void)shrink();
    }

    /// Gives empty chunks back to the upstream and free whole pages back to the system; returns how
    /// many bytes. Pages fault in again when used; locked, heap and buffer memory has none to give.
    /// O(free pages + chunks).
    std::size_t shrink() noexcept { return core_.shrink(); }

    /// Where chunks come from; nullptr when the arena is bounded by its own memory.
    [[nodiscard]] memory_resource* upstream_resource() const noexcept { return core_.upstream(); }

    /// True when the address lies inside this arena's bytes. O(chunks).
    [[nodiscard]] bool owns(const void* address) const noexcept { return core_.owns(address); }

    /// Bytes in use. What is left over at the end of a chunk counts neither here nor in `capacity`.
    [[nodiscard]] std::size_t size() const noexcept { return core_.size(); }

    /// Bytes that can be in use without growing.
    [[nodiscard]] std::size_t capacity() const noexcept { return core_.capacity(); }

    /// Bytes that the arena may grow to; with an upstream, more than any memory has.
    [[nodiscard]] std::size_t max_capacity() const noexcept { return core_.max_capacity(); }

    /// capacity() - size().
    [[nodiscard]] std::size_t available() const noexcept { return capacity() - size(); }

    /// The most bytes that were ever in use at once; exact.
    [[nodiscard]] std::size_t high_water() const noexcept { return core_.high_water(); }

    [[nodiscard]] const char* name() const noexcept { return core_.name().c_str(); }

    /// The arena's figures, counted as for a pool of single bytes.
    [[nodiscard]] pool_stats stats() const noexcept { return core_.stats(); }

    /// Checks every invariant, and every record of a destructor. O(records).
    [[nodiscard]] verdict verify() const noexcept { return core_.verify(); }

    /// Bytes that `memory.buffer` must have for these options.
    [[nodiscard]] static constexpr std::size_t buffer_bytes(const arena_options& options) {
        return detail::room_of(options).buffer_bytes();
    }

private:
    /// Gives the memory back when a constructor throws.
    struct undo {
        core& home;
        const core::point& before;

        void deallocate(void* /*place*/) noexcept { home.undo(before); }
    };

    /// Bytes right before an object or array that has a destructor.
    template <class T, class Record>
    static constexpr std::size_t header = std::is_trivially_destructible_v<T> ? 0 : sizeof(Record);

    template <class T>
    static constexpr std::size_t alignment_of = std::is_trivially_destructible_v<T>
                                                    ? alignof(T)
                                                    : std::max(alignof(T),
                                                               alignof(detail::arena_record));

    [[nodiscard]] static constexpr std::size_t at_least_one(std::size_t bytes) noexcept {
        return bytes + (bytes == 0 ? 1 : 0);
    }

    /// A longer array has more bytes than any arena holds.
    template <class T>
    static constexpr std::size_t most_elements = PTRDIFF_MAX / sizeof(T);

    template <class T>
    [[nodiscard]] std::byte* take_object() noexcept {
        static_assert(detail::poolable<T>);
        return core_.take(header<T, detail::arena_record>, sizeof(T), alignment_of<T>);
    }

    template <class T>
    [[nodiscard]] std::byte* take_array(std::size_t count) noexcept {
        return core_.take(
            header<T, detail::arena_array_record>, count * sizeof(T), alignment_of<T>);
    }

    template <class T, class... Arguments>
    [[nodiscard]] T*
    construct(const core::point& before,
              std::byte* place,
              Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
        undo source{core_, before};
        T* const object =
            detail::construct_in<T>(source, place, std::forward<Arguments>(arguments)...);
        if constexpr (!std::is_trivially_destructible_v<T>) {
            core_.require_kept(place, before);
            core_.enlist(place, detail::arena_record{core_.link(), &detail::destroy_recorded<T>});
        }
        return object;
    }

    core core_;
};

static_assert(std::is_trivially_copyable_v<arena::mark_type> && sizeof(arena::mark_type) <= 32,
              "a mark is four words");

MILLPOND_NAMESPACE_END
