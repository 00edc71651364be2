// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The objects of a handle_pool, kept side by side: the last one moves into the place of one that
/// is destroyed.
///
///     remove(b):   [ a | b | c | d ]   ->   [ a | d | c ]
///
/// Constructors, destructors and move constructors run in here, and may use the pool.
/// handle_core.hpp says what they find; the rule that makes it work is that a busy object stays
/// where it is. A place that becomes free after one is a gap, and whoever has been busy closes the
/// gaps when done.

#include "millpond/base/config.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/base/name.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/construct.hpp"
#include "millpond/pool/handle_core.hpp"
#include "millpond/pool/region_storage.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

template <class T>
class dense_objects {
public:
    using place = handle_core::place;

    dense_objects(const pool_name& name,
                  const pool_layout& layout,
                  std::uint64_t generations,
                  const memory_options& memory)
        : core_(name, layout, generations, memory) {}

    [[nodiscard]] handle_core& core() noexcept { return core_; }

    [[nodiscard]] const handle_core& core() const noexcept { return core_; }

    /// The object at a position, which may be size() or beyond. Without memory only 0 may be asked
    /// for.
    [[nodiscard]] T* at(std::uint64_t position) const noexcept {
        return reinterpret_cast<T*>(core_.storage().blocks()) + position;
    }

    /// Constructs an object in an opened place. Returns the handle's value.
    template <class... Arguments>
    [[nodiscard]] std::uint64_t
    build(place made, Arguments&&... arguments) noexcept(constructs_nothrow<T, Arguments...>) {
        T* const block = at(made.position);
        unpoison(block, sizeof(T));
        unfinished source{*this, made};
        (void)construct_in<T>(source, block, std::forward<Arguments>(arguments)...);
        const std::uint64_t named = core_.finish(made);
        if (!core_.is_settled()) [[unlikely]] {
            settle();
        }
        return named;
    }

    /// Destroys a live object.
    void remove(place gone) noexcept {
        if constexpr (!std::is_trivially_destructible_v<T>) {
            core_.make_busy(gone.slot);
            std::destroy_at(at(gone.position));
        }
        vacate(gone);
    }

    /// Destroys every object, last to first. What a destructor creates meanwhile may stay.
    void clear() noexcept {
        if constexpr (std::is_trivially_destructible_v<T>) {
            if (core_.is_settled()) [[likely]] {
                poison(at(0), core_.size() * sizeof(T));
                core_.clear();
                return;
            }
        }
        for (std::uint32_t position = core_.end(); position-- != 0;) {
            if (position < core_.end() && core_.is_live(position)) {
                remove({core_.owner(position), position});
            }
        }
    }

    /// Destroys every object, including those that destructors create meanwhile.
    void destroy_all() noexcept {
        do {
            clear();
        } while (core_.size() != 0);
    }

private:
    /// True when moving an object runs no code of T's.
    static constexpr bool moves_quietly =
        std::is_trivially_move_constructible_v<T> && std::is_trivially_destructible_v<T>;

    /// Takes back the place of an object whose constructor threw.
    struct unfinished {
        dense_objects& objects;
        place made;

        MILLPOND_SLOW_PATH void deallocate(void* /*block*/) noexcept { objects.vacate(made); }
    };

    /// Frees the slot of an object that is gone, and moves the last one to its place.
    void vacate(place gone) noexcept {
        poison(at(gone.position), sizeof(T));
        if (gone.position >= core_.size()) [[unlikely]] { // behind somebody who is busy
            (void)core_.release(gone.slot, gone.position);
            core_.leave_gap();
            settle();
            return;
        }
        const std::uint32_t last =
            std::is_trivially_destructible_v<T> ? core_.size() - 1 : core_.last_from(gone.position);
        const bool reusable = core_.release(gone.slot, last);
        if (last != gone.position && !fill(gone, last)) [[unlikely]] {
            settle();
            return;
        }
        core_.cut(last, reusable);
    }

    /// Moves the last object into the gap. False when a move constructor, or the destructor of what
    /// it has moved from, has changed the pool: it found the objects end before the gap, and so
    /// does the caller.
    [[nodiscard]] bool fill(place gone, std::uint32_t last) noexcept {
        const std::uint32_t gap = gone.position;
        const std::uint32_t end = core_.end();
        const std::uint32_t gaps = core_.gaps();
        core_.occupy(last, gap, moves_quietly ? handle_core::live : handle_core::busy);
        core_.cede(last, gone.slot);
        if constexpr (moves_quietly) {
            relocate(last, gap);
            return true;
        }
        core_.step_back(gap);
        relocate(last, gap);
        core_.end_move(gap);
        return core_.size() == gap && core_.end() == end && core_.gaps() == gaps;
    }

    /// Moves an object, whose slot has its new place already.
    void relocate(std::uint32_t from, std::uint32_t to) noexcept {
        unpoison(at(to), sizeof(T));
        std::construct_at(at(to), std::move(*at(from)));
        std::destroy_at(at(from));
        poison(at(from), sizeof(T));
    }

    /// Closes the gaps after size(), up to the first busy object: whoever works on that one does
    /// the rest.
    MILLPOND_SLOW_PATH void settle() noexcept {
        std::uint32_t position = core_.size();
        while (position < core_.end()) {
            if (core_.is_busy(position)) {
                return;
            }
            if (!core_.is_live(position)) {
                ++position;
                continue;
            }
            const std::uint32_t to = core_.size();
            if (position != to) {
                const std::uint32_t free_slot = core_.owner(to);
                core_.occupy(position, to, handle_core::busy);
                core_.move_gap(free_slot, position);
                relocate(position, to);
                core_.end_move(to);
                if (core_.size() != to) { // its move constructor has destroyed objects
                    position = core_.size();
                    continue;
                }
            }
            core_.extend();
            ++position;
        }
        core_.forget_gaps();
    }

    handle_core core_;
};

} // namespace detail

MILLPOND_NAMESPACE_END
