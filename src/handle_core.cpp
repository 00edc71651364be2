// SPDX-License-Identifier: MIT
/// \file
/// The parts of handle_core that are not on the path of a single object.

#include "millpond/pool/handle_core.hpp"

#include "millpond/base/bits.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/instrument.hpp"

#include <atomic>
#include <bit>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

/// The pools of a process take the tags in turn. 0 is the null handle's.
std::uint64_t next_tag() noexcept {
    constexpr std::uint32_t tags = 255;
    static std::atomic<std::uint32_t> pools = 0;
    return 1 + pools.fetch_add(1, std::memory_order_relaxed) % tags;
}

/// Just enough for the number of every slot.
int slot_bits_of(const pool_layout& layout) noexcept {
    return static_cast<int>(std::bit_width(layout.max_capacity - 1));
}

/// How many times a slot is used, with the default filled in. Called before there is any memory.
std::uint64_t checked(const pool_name& name, const pool_layout& layout, std::uint64_t generations) {
    const std::uint64_t most = std::uint64_t{1} << (handle_core::tag_shift - slot_bits_of(layout));
    if (generations > most) {
        throw_bad_option(name.c_str(), "generations", generations, "must be at most", most);
    }
    return generations == 0 ? most : generations;
}

} // namespace

handle_core::handle_core(const pool_name& name,
                         const pool_layout& layout,
                         std::uint64_t generations,
                         const memory_options& memory)
    : generation_step_(std::uint64_t{1} << slot_bits_of(layout))
    , last_generation_((checked(name, layout, generations) - 1) * generation_step_)
    , storage_(name, layout, metadata_of(layout.max_capacity), memory)
    , name_(name) {
    slots_ = reinterpret_cast<std::uint64_t*>(storage_.metadata());
    owners_ = reinterpret_cast<std::uint32_t*>(slots_ + layout.max_capacity);
    slots_ready_ = storage_.leading_capacity();
    tag_ = next_tag() << tag_shift;
    address_mask_ = state_mask | (generation_step_ - 1);
    generation_mask_ = ~address_mask_;
}

handle_core::handle_core(handle_core&& other) noexcept
    : storage_(std::move(other.storage_)) {
    take_over(other);
}

handle_core& handle_core::operator=(handle_core&& other) noexcept {
    if (this != &other) {
        storage_ = std::move(other.storage_);
        take_over(other);
    }
    return *this;
}

void handle_core::take_over(handle_core& other) noexcept {
    slots_ = other.slots_;
    owners_ = other.owners_;
    tag_ = other.tag_;
    address_mask_ = other.address_mask_;
    generation_mask_ = other.generation_mask_;
    generation_step_ = other.generation_step_;
    last_generation_ = other.last_generation_;
    frontier_ = other.frontier_;
    slots_ready_ = other.slots_ready_;
    size_ = other.size_;
    end_ = other.end_;
    known_ = other.known_;
    high_water_ = other.high_water_;
    gaps_ = other.gaps_;
    failures_ = other.failures_;
    name_ = other.name_;
    gone_ = other.gone_;
    other.forget();
    other.gone_ = misuse::pool_moved_from;
}

void handle_core::forget() noexcept {
    slots_ = nullptr;
    owners_ = nullptr;
    frontier_ = 0;
    slots_ready_ = 0;
    size_ = 0;
    end_ = 0;
    known_ = 0;
}

void handle_core::retire() noexcept {
    storage_.unpoison_all();
    forget();
    gone_ = misuse::pool_destroyed;
    storage_.retire();
    // Without this the compiler drops the stores above: they are the object's last.
    asm volatile("" : : "r"(this) : "memory");
}

void handle_core::count_failure() noexcept {
    if (gone_ == misuse::pool_destroyed) {
        stop_on_misuse({.pool_name = name_.c_str(), .reason = call_misuse::pool_destroyed});
    }
    ++failures_;
}

void handle_core::clear() noexcept {
    for (std::uint32_t position = 0; position < size_; ++position) {
        (void)release(owners_[position], position);
    }
    size_ = 0;
    forget_gaps();
}

void handle_core::forget_gaps() noexcept {
    for (std::uint32_t position = size_; position < end_ && position < known_;) {
        if (state_at(position) == retired) {
            drop(position);
        } else {
            ++position;
        }
    }
    end_ = size_;
}

/// A retired slot leaves the owners; the one that was freed first takes its place.
void handle_core::drop(std::uint32_t position) noexcept {
    --known_;
    if (position != known_) {
        move_gap(owners_[known_], position);
    }
}

bool handle_core::make_room() noexcept {
    const bool needs_slot = end_ == known_;
    if (needs_slot && frontier_ == storage_.max_capacity()) {
        return false;
    }
    if (end_ == storage_.capacity() && storage_.grow().empty()) {
        return false;
    }
    // Growing covers a slot for each object; retired slots come on top of that.
    return cover_slots(needs_slot ? frontier_ + std::size_t{1} : frontier_);
}

bool handle_core::cover_slots(std::size_t slots) noexcept {
    const bool is_covered = storage_.cover_leading(slots);
    slots_ready_ = storage_.leading_capacity();
    return is_covered;
}

void handle_core::reserve(std::size_t objects) {
    const std::size_t slots = storage_.max_capacity() - retired_slots();
    if (objects > slots) {
        throw_exhausted(name_.c_str(), slots, high_water_, 0);
    }
    reserve_or_throw(storage_, name_.c_str(), objects, high_water_);
    if (!cover_slots(objects + retired_slots())) {
        throw_full();
    }
}

bool handle_core::try_reserve(std::size_t objects) noexcept {
    return objects <= storage_.max_capacity() - retired_slots() &&
           detail::try_reserve(storage_, objects);
}

std::size_t handle_core::shrink(std::size_t object_bytes) noexcept {
    return storage_.discard(end_ * object_bytes, storage_.capacity() * object_bytes);
}

handle_pool_stats handle_core::stats(std::size_t object_bytes) const noexcept {
    handle_pool_stats now;
    now.capacity = capacity();
    now.live = size_;
    now.free = now.capacity - now.live;
    now.high_water = high_water_;
    now.max_capacity = storage_.max_capacity();
    now.block_bytes = object_bytes;
    now.failures = failures_;
    now.retired = retired_slots();
    storage_.add_memory_stats(now);
    return now;
}

void handle_core::throw_full() const {
    throw_exhausted(name_.c_str(), capacity(), high_water_, storage_.growth_error());
}

void handle_core::refuse(const void* object, std::size_t object_bytes) const noexcept {
    misuse_report report =
        misuse_report::of(object, storage_.blocks(), object_bytes, storage_.max_capacity());
    report.pool_name = name_.c_str();
    report.what = "handle";
    if (gone_ != misuse::foreign) {
        report.reason = gone_;
    } else if (report.reason == misuse::freed_twice) {
        report.reason = misuse::not_live;
    }
    stop_on_misuse(report);
}

/// What is wrong with a position and its slot; nullptr if nothing is.
const char* handle_core::fault_at(std::uint32_t position) const noexcept {
    if (owners_[position] >= frontier_) {
        return "an owner is a slot that was never used";
    }
    if (low_bits(slots_[owners_[position]]) != position) {
        return "a slot and its position name different ones";
    }
    const std::uint64_t state = state_at(position);
    if (position < size_ ? state > busy : position >= end_ && state != free) {
        return "an object's slot is free, or a free slot is not";
    }
    return nullptr;
}

verdict handle_core::verify() const noexcept {
    if (size_ > end_ || end_ > storage_.capacity() ||
        storage_.capacity() > storage_.max_capacity()) {
        return {"size <= end <= capacity <= max_capacity does not hold", end_};
    }
    if (end_ > known_ || known_ > frontier_ || frontier_ > storage_.max_capacity()) {
        return {"end <= known <= frontier <= max_capacity does not hold", known_};
    }
    for (std::uint32_t position = 0; position < known_; ++position) {
        if (const char* const fault = fault_at(position)) {
            return {fault, position};
        }
    }
    for (std::uint32_t slot = 0; slot < frontier_; ++slot) {
        const std::uint32_t position = low_bits(slots_[slot]);
        if ((position >= known_ || owners_[position] != slot) &&
            (slots_[slot] & state_mask) != retired) {
            return {"a slot that is not retired is not among the owners", slot};
        }
    }
    if (known_ > high_water_) {
        return {"known slots <= high water does not hold", known_};
    }
    return {};
}

} // namespace detail

MILLPOND_NAMESPACE_END
