// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a handle_pool knows about its objects, without their type: which slot has which generation,
/// and where each slot's object lies.
///
///     objects   [ a | b | c | d ]                      side by side: positions 0 to size - 1
///     owners    [ 7 | 2 | 0 | 5 | 4 | 1 | 6 ]          the slot of each position, then the free slots
///     slots     [ word | word | word | ... ]           a word per slot, up to the frontier
///
///     handle    | tag   | generation | slot     |
///     word      | state | generation | position |      of the slot among the owners
///
///     frontier = known + retired          slots that were ever used; known is the length of owners
///     known = size + free                 unless an object is busy, see below
///
/// The slot that was freed last stands where the next object will lie, so neither creating nor
/// destroying follows a link from slot to slot. A slot whose generations are used up is retired and
/// leaves the owners.
///
/// Handle and word have the same shape: one exclusive or compares state, tag and generation and leaves
/// the position. No value of 64 bits passes for a slot that is not live.
///
/// User code runs in the middle of things: constructors, destructors, move constructors. The object
/// concerned is *busy* meanwhile: its handle finds nothing and nobody moves it. Whatever such code
/// does to the pool works on
///
///     [ 0 ........ size )  [ size ........ end )  [ end ........ known )
///       no gaps              behind a busy object:   free
///                            may have gaps
///
/// and outside such code size and end are the same. dense_objects.hpp closes the gaps.

#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/memory/memory_options.hpp"
#include "millpond/pool/region_storage.hpp"

#include <cstddef>
#include <cstdint>
#include <span>

MILLPOND_NAMESPACE_BEGIN

/// A snapshot of one handle_pool. Its terms obey:
///
///     capacity = live + free
///     capacity + retired <= max_capacity
struct handle_pool_stats : pool_stats {
    std::size_t retired =
        0; ///< slots whose generations are used up; each takes one from the capacity
};

namespace detail {

class handle_core {
public:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    // A word's state, in the highest byte, where a handle has its tag. The first two have an
    // object.
    static constexpr int tag_shift = 56;
    static constexpr std::uint64_t live = 0;
    static constexpr std::uint64_t busy = std::uint64_t{1} << tag_shift;
    static constexpr std::uint64_t free = std::uint64_t{2} << tag_shift;
    static constexpr std::uint64_t retired = std::uint64_t{3} << tag_shift;
    static constexpr std::uint64_t state_mask = std::uint64_t{0xff} << tag_shift;

    /// Where an object will be; slot `none` when there is no room.
    struct place {
        std::uint32_t slot = none;
        std::uint32_t position = 0;
    };

    /// `generations` is how many times a slot is used; 0: as many as fit.
    handle_core(const pool_name& name,
                const pool_layout& layout,
                std::uint64_t generations,
                const memory_options& memory);

    /// Takes over another pool's objects; the other has none left.
    handle_core(handle_core&& other) noexcept;
    handle_core& operator=(handle_core&& other) noexcept;
    handle_core(const handle_core&) = delete;
    handle_core& operator=(const handle_core&) = delete;
    ~handle_core() = default;

    /// Words and owners for `max_capacity` objects.
    [[nodiscard]] static constexpr metadata_layout metadata_of(std::size_t max_capacity) noexcept {
        return {.max_capacity = max_capacity, .leading_blocks = 1, .trailing_blocks = 2};
    }

    // --- handles ----------------------------------------------------------------------------

    /// The object's position; max_capacity() or more for any handle that names no live object here.
    [[nodiscard]] std::uint64_t find(std::uint64_t handle) const noexcept {
        const std::uint64_t slot = (handle ^ tag_) & address_mask_;
        return slot < frontier_ ? slots_[slot] ^ (handle & generation_mask_) : ~std::uint64_t{0};
    }

    /// The slot of a handle that was found.
    [[nodiscard]] std::uint32_t slot_of(std::uint64_t handle) const noexcept {
        return low_bits(handle);
    }

    /// The handle of the object at a position that `holds` one.
    [[nodiscard]] std::uint64_t handle_at(std::uint64_t position) const noexcept {
        return handle_of_slot(owners_[position]);
    }

    [[nodiscard]] std::uint32_t owner(std::uint32_t position) const noexcept {
        return owners_[position];
    }

    /// True when a live or busy object is there; for any number.
    [[nodiscard]] bool holds(std::uint64_t position) const noexcept {
        return position < size_ || (position < end_ && state_at(position) <= busy);
    }

    /// True when the object at a position before `end` is live.
    [[nodiscard]] bool is_live(std::uint32_t position) const noexcept {
        return state_at(position) == live;
    }

    [[nodiscard]] bool is_busy(std::uint32_t position) const noexcept {
        return state_at(position) == busy;
    }

    // --- objects come -----------------------------------------------------------------------

    /// Takes a slot and the place after the last object, which is busy until `finish`.
    [[nodiscard]] place open() noexcept {
        if (((end_ == known_ && frontier_ == slots_ready_) || end_ == storage_.capacity()) &&
            !make_room()) [[unlikely]] {
            count_failure();
            return {};
        }
        if (end_ == known_) {
            add_slot();
        }
        const place made = {owners_[end_], end_};
        slots_[made.slot] ^= free ^ busy;
        ++end_;
        return made;
    }

    /// The object is constructed. Returns its handle.
    [[nodiscard]] std::uint64_t finish(place made) noexcept {
        slots_[made.slot] ^= busy ^ live;
        if (size_ == made.position && end_ == size_ + 1) [[likely]] {
            size_ = end_;
        }
        return handle_of_slot(made.slot);
    }

    // --- objects go -------------------------------------------------------------------------

    /// From here on the slot's handle finds nothing, and nobody moves its object.
    void make_busy(std::uint32_t slot) noexcept { slots_[slot] ^= live ^ busy; }

    /// Frees a slot for its next generation; returns false and retires it when there is none. Its
    /// word names `position`, which `cede` then gives to the slot unless it is the slot's already.
    [[nodiscard]] bool release(std::uint32_t slot, std::uint32_t position) noexcept {
        const std::uint64_t generation = slots_[slot] & generation_mask_;
        if (generation >= last_generation_) [[unlikely]] {
            slots_[slot] = retired | generation | position;
            return false;
        }
        slots_[slot] = free | (generation + generation_step_) | position;
        return true;
    }

    /// Gives an object its place in a gap. It is busy there if user code is going to move it.
    void occupy(std::uint32_t from, std::uint32_t to, std::uint64_t state) noexcept {
        const std::uint32_t slot = owners_[from];
        owners_[to] = slot;
        slots_[slot] = state | (slots_[slot] & generation_mask_) | to;
    }

    void end_move(std::uint32_t to) noexcept { slots_[owners_[to]] ^= busy ^ live; }

    /// Gives the place that an object has left to a slot without an object.
    void cede(std::uint32_t position, std::uint32_t slot) noexcept { owners_[position] = slot; }

    /// The last of the objects without gaps that nobody is working on, or `gap` if none lies after
    /// it. What lies after that is from now on beyond `size()`.
    [[nodiscard]] std::uint32_t last_from(std::uint32_t gap) noexcept {
        while (size_ - 1 > gap && is_busy(size_ - 1)) {
            --size_;
        }
        return size_ - 1;
    }

    /// Ends the objects before this position, whose slot has been released; `reusable` says whether
    /// that slot has a next generation. The position is a gap if there are others after it.
    void cut(std::uint32_t position, bool reusable) noexcept {
        size_ = position;
        if (end_ == position + 1) [[likely]] {
            end_ = position;
            if (!reusable) [[unlikely]] {
                drop(position);
            }
        }
    }

    // --- while somebody is busy -------------------------------------------------------------

    [[nodiscard]] bool is_settled() const noexcept { return size_ == end_; }

    /// Objects without gaps end here while an object is moved to this position.
    void step_back(std::uint32_t position) noexcept { size_ = position; }

    /// Counts gaps made beyond size(): whoever has run user code can tell.
    [[nodiscard]] std::uint32_t gaps() const noexcept { return gaps_; }

    void leave_gap() noexcept { ++gaps_; }

    /// Gives the slot of a gap the place that the object now filling the gap has left.
    void move_gap(std::uint32_t slot, std::uint32_t to) noexcept {
        owners_[to] = slot;
        slots_[slot] = (slots_[slot] & (generation_mask_ | state_mask)) | to;
    }

    /// The object after the last joins those without gaps.
    void extend() noexcept { ++size_; }

    /// There is nothing but gaps beyond size().
    void forget_gaps() noexcept;

    // --- the whole pool ---------------------------------------------------------------------

    /// Frees the slots of all objects, none of which is busy.
    void clear() noexcept;

    [[nodiscard]] std::uint32_t size() const noexcept { return size_; }

    [[nodiscard]] std::uint32_t end() const noexcept { return end_; }

    [[nodiscard]] std::uint32_t retired_slots() const noexcept { return frontier_ - known_; }

    [[nodiscard]] std::uint32_t high_water() const noexcept { return high_water_; }

    [[nodiscard]] std::uint32_t max_capacity() const noexcept { return storage_.max_capacity(); }

    /// Places that are committed, as far as there are slots for them.
    [[nodiscard]] std::uint32_t capacity() const noexcept {
        const std::uint32_t slots = storage_.max_capacity() - retired_slots();
        return storage_.capacity() < slots ? storage_.capacity() : slots;
    }

    [[nodiscard]] const pool_name& name() const noexcept { return name_; }

    [[nodiscard]] const block_memory& storage() const noexcept { return storage_; }

    /// Commits memory for `objects`, or throws pool_exhausted.
    void reserve(std::size_t objects);
    [[nodiscard]] bool try_reserve(std::size_t objects) noexcept;

    /// Gives the pages after the last object back to the system; returns how many bytes.
    std::size_t shrink(std::size_t object_bytes) noexcept;

    [[nodiscard]] handle_pool_stats stats(std::size_t object_bytes) const noexcept;

    /// Checks every invariant above; O(frontier).
    [[nodiscard]] verdict verify() const noexcept;

    /// From here on no handle leads anywhere; the last step of a pool's destructor.
    void retire() noexcept;

    [[noreturn]] void throw_full() const;

    /// Stops the program: there is no object at this address.
    [[noreturn]] void refuse(const void* object, std::size_t object_bytes) const noexcept;

    // --- snapshots (src/handle_snapshot.cpp) ------------------------------------------------

    [[nodiscard]] std::size_t snapshot_bytes(std::size_t object_bytes) const noexcept;

    std::size_t
    snapshot(std::span<std::byte> out, std::size_t object_bytes, std::size_t alignment) const;

    void restore(std::span<const std::byte> from, std::size_t object_bytes, std::size_t alignment);

private:
    /// All known slots are in use now, so this is when there may be a new peak.
    void add_slot() noexcept {
        owners_[known_] = frontier_;
        slots_[frontier_] = free | known_;
        ++frontier_;
        ++known_;
        high_water_ = known_ > high_water_ ? known_ : high_water_;
    }

    [[nodiscard]] std::uint64_t state_at(std::uint64_t position) const noexcept {
        return slots_[owners_[position]] & state_mask;
    }

    [[nodiscard]] std::uint64_t handle_of_slot(std::uint32_t slot) const noexcept {
        return tag_ | (slots_[slot] & generation_mask_) | slot;
    }

    /// The slot of a handle, or the position of a word. The highest byte is dropped.
    [[nodiscard]] std::uint32_t low_bits(std::uint64_t handle_or_word) const noexcept {
        return static_cast<std::uint32_t>(handle_or_word & address_mask_);
    }

    /// There is no room. Stops the program if that is because the pool is destroyed.
    MILLPOND_SLOW_PATH void count_failure() noexcept;
    /// Commits a place for one more object, and a word for its slot if it needs a new one; false when there
    /// are no more.
    [[nodiscard]] MILLPOND_SLOW_PATH bool make_room() noexcept;

    /// Commits the words of `slots` slots; false when the system refuses.
    [[nodiscard]] bool cover_slots(std::size_t slots) noexcept;

    void drop(std::uint32_t position) noexcept;
    [[nodiscard]] const char* fault_at(std::uint32_t position) const noexcept;
    void forget() noexcept;
    void take_over(handle_core& other) noexcept;

    std::uint64_t* slots_ = nullptr;    ///< a word per slot; written up to the frontier
    std::uint32_t* owners_ = nullptr;   ///< a slot per position, and the free ones; known_ of them
    std::uint64_t tag_ = 0;             ///< in its place in a handle
    std::uint64_t address_mask_ = 0;    ///< all of a handle or word except the generation
    std::uint64_t generation_mask_ = 0; ///< the place of the generation in handle and word
    std::uint64_t generation_step_ = 0; ///< its lowest bit
    std::uint64_t last_generation_ = 0; ///< the one after which a slot is retired
    std::uint32_t frontier_ = 0;        ///< slots from here on were never used; <= slots_ready_
    std::uint32_t slots_ready_ = 0; ///< words that are committed, including those of retired slots
    std::uint32_t size_ = 0;        ///< objects side by side
    std::uint32_t end_ = 0;         ///< places in use; size_ unless an object is busy
    std::uint32_t known_ = 0;       ///< slots that are not retired: with and without an object
    std::uint32_t high_water_ = 0;  ///< the most slots that were ever known
    std::uint32_t gaps_ = 0;        ///< gaps ever made beyond size_
    block_memory storage_;
    std::uint64_t failures_ = 0;
    pool_name name_;
    misuse gone_ = misuse::foreign; ///< why there are no objects any more; `foreign` while alive
};

} // namespace detail

MILLPOND_NAMESPACE_END
