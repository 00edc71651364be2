// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Two arenas that take turns: what was made in the last frame stays valid during this one.
///
///     millpond::frame_arena frames({.name = "frames", .capacity = 1 << 20});
///     for (;;) {
///         std::span<command> todo = frames.make_array<command>(n);  // read in the next frame
///         ...
///         frames.next_frame();                                      // the frame before last is cleared
///     }

#include "millpond/base/config.hpp"
#include "millpond/base/memory_resource.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/pool/arena.hpp"
#include "millpond/pool/construct.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

/// A pair of arenas, one for the current frame and one that still holds the last. Everything is
/// allocated from the current one; for marks, scopes and resources use `current()`.
///
/// Units:      bytes; the options' `capacity` and `max_capacity` are for one frame, `buffer` is
///             divided between the two.
/// Complexity: O(1) each; `next_frame` calls each destructor of the frame before last once; no
///             system call once committed. The memory of both frames is set up at construction.
/// Errors:     `try_` forms return nullptr or something empty when full, the others throw
///             pool_exhausted; exceptions from an object's constructor propagate; broken contracts
///             stop the program with one line (docs/checks.md); a destructor that `next_frame` runs
///             must not call it; the pair's constructor throws std::invalid_argument or
///             std::system_error and leaves nothing behind.
/// Threads:    one thread at a time per pair.
/// Source:     own; double buffering.
class frame_arena {
public:
    /// With an upstream, a full frame goes on in chunks from there, which are kept for later
    /// frames; `shrink` returns the empty ones.
    explicit frame_arena(const arena_options& options, memory_resource* upstream = nullptr)
        : arenas_{arena(half(options, 0), upstream), arena(half(options, 1), upstream)} {}

    /// Cannot be copied or moved: the arenas stay where they are.
    frame_arena(const frame_arena&) = delete;
    frame_arena& operator=(const frame_arena&) = delete;

    /// Destroys what is left, newest first.
    ~frame_arena() {
        current().clear();
        previous().clear();
    }

    /// Clears the frame before last, and makes its arena the current one.
    void next_frame() noexcept {
        previous().clear();
        ++frame_;
    }

    /// Gives unused memory of both arenas back to where it came from, and returns how many bytes.
    std::size_t shrink() noexcept { return arenas_[0].shrink() + arenas_[1].shrink(); }

    /// How many times `next_frame` was called.
    [[nodiscard]] std::uint64_t frame() const noexcept { return frame_; }

    /// The arena of this frame.
    [[nodiscard]] arena& current() noexcept { return arenas_[frame_ % 2]; }

    [[nodiscard]] const arena& current() const noexcept { return arenas_[frame_ % 2]; }

    /// The arena of the last frame, whose contents are still there.
    [[nodiscard]] arena& previous() noexcept { return arenas_[(frame_ + 1) % 2]; }

    [[nodiscard]] const arena& previous() const noexcept { return arenas_[(frame_ + 1) % 2]; }

    /// Returns uninitialised bytes of this frame, or nullptr when they do not fit.
    [[nodiscard]] void* try_allocate(std::size_t bytes,
                                     std::size_t alignment = alignof(std::max_align_t)) noexcept {
        return current().try_allocate(bytes, alignment);
    }

    /// Returns uninitialised bytes of this frame; throws pool_exhausted when they do not fit.
    [[nodiscard, gnu::returns_nonnull]] void*
    allocate(std::size_t bytes, std::size_t alignment = alignof(std::max_align_t)) {
        return current().allocate(bytes, alignment);
    }

    /// Constructs an object in this frame; returns nullptr when it does not fit.
    template <class T, class... Arguments>
    [[nodiscard]] T*
    try_create(Arguments&&... arguments) noexcept(detail::constructs_nothrow<T, Arguments...>) {
        return current().template try_create<T>(std::forward<Arguments>(arguments)...);
    }

    /// Constructs an object in this frame; throws pool_exhausted when it does not fit.
    template <class T, class... Arguments>
    [[nodiscard, gnu::returns_nonnull]] T* create(Arguments&&... arguments) {
        return current().template create<T>(std::forward<Arguments>(arguments)...);
    }

    /// Makes an array of objects in this frame; returns an empty span when it does not fit.
    /// O(count).
    template <class T>
    [[nodiscard]] std::span<T>
    try_make_array(std::size_t count) noexcept(std::is_nothrow_default_constructible_v<T>) {
        return current().template try_make_array<T>(count);
    }

    /// Makes an array of objects in this frame; throws pool_exhausted when it does not fit. O(count).
    template <class T>
    [[nodiscard]] std::span<T> make_array(std::size_t count) {
        return current().template make_array<T>(count);
    }

    /// Copies a text into this frame; returns an empty view without data when it does not fit.
    [[nodiscard]] std::string_view try_duplicate(std::string_view text) noexcept {
        return current().try_duplicate(text);
    }

    /// Copies a text into this frame; throws pool_exhausted when it does not fit.
    [[nodiscard]] std::string_view duplicate(std::string_view text) {
        return current().duplicate(text);
    }

    /// True when the address lies inside one of the two arenas.
    [[nodiscard]] bool owns(const void* address) const noexcept {
        return arenas_[0].owns(address) || arenas_[1].owns(address);
    }

    /// The most bytes that any one frame has used, and so the `capacity` that is needed. Exact.
    [[nodiscard]] std::size_t high_water() const noexcept {
        return std::max(arenas_[0].high_water(), arenas_[1].high_water());
    }

    [[nodiscard]] const char* name() const noexcept { return arenas_[0].name(); }

    /// Checks every invariant of both arenas. O(records).
    [[nodiscard]] verdict verify() const noexcept {
        const verdict first = arenas_[0].verify();
        return first ? arenas_[1].verify() : first;
    }

    /// Bytes that `memory.buffer` must have for these options: twice an arena's.
    [[nodiscard]] static constexpr std::size_t buffer_bytes(const arena_options& options) {
        return 2 * arena::buffer_bytes(options);
    }

private:
    /// The options of one of the two arenas.
    [[nodiscard]] static arena_options half(const arena_options& options, std::size_t which);

    std::array<arena, 2> arenas_;
    std::uint64_t frame_ = 0; ///< even: arenas_[0] is current
};

MILLPOND_NAMESPACE_END
