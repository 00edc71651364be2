// SPDX-License-Identifier: MIT
/// \file
/// The parts of an arena that are not on the hot path: where it lies, growth, running destructors, misuse.

#include "millpond/pool/arena.hpp"

#include "millpond/base/contract.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/pool/frame_arena.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <utility>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

/// True for a multiple of 8 with a record and at least a byte of its object before the end of what
/// is in use: one comparison, which only a number that is no multiple of 8 could make overflow.
bool has_record_at(std::uint64_t offset, std::size_t used) noexcept {
    static_assert(sizeof(arena_record) == 16);
    return std::rotr(offset, 3) + 3 <= (std::uint64_t{used} + 7) / 8;
}

} // namespace

arena_core::arena_core(const pool_name& name,
                       const block_room& room,
                       const memory_options& memory,
                       memory_resource* upstream)
    : max_capacity_(room.bytes)
    , upstream_(upstream)
    , name_(name) {
    const bool mapped =
        memory.source == memory_source::mapped || memory.source == memory_source::automatic;
    if (memory.source == memory_source::buffer && memory.buffer.size() < room.buffer_bytes()) {
        throw_bad_option(name.c_str(),
                         "memory.buffer.size()",
                         memory.buffer.size(),
                         "must be at least",
                         room.buffer_bytes());
    }
    region_ = region_for_blocks(name, room, memory);
    first_ = first_aligned(region_, room.alignment);
    end_ = first_ + (mapped ? room.ready_bytes : room.bytes); // heap and buffer are there whole
    top_ = first_;
    free_limit_ = first_;
    own_.first = first_;
    if (room.prefault && !mapped) {
        std::memset(first_, 0, room.bytes);
    }
    poison(first_, capacity());
}

arena_core::~arena_core() {
    clear();
    (void)return_kept();
    unpoison(first_, capacity());
    upstream_ = nullptr;
    max_capacity_ = 0;
    top_ = nullptr;
    end_ = nullptr;
    first_ = nullptr;
    // Without this the compiler drops the stores above: they are the object's last.
    asm volatile("" : : "r"(this) : "memory");
}

std::byte*
arena_core::take_slow(std::size_t before, std::size_t bytes, std::size_t alignment) noexcept {
    if (first_ == nullptr) {
        stop_on_misuse({.pool_name = name_.c_str(), .reason = call_misuse::pool_destroyed});
    }
    if (current_ == &own_) {
        const std::size_t skip = distance(before, alignment);
        const std::size_t room = max_capacity_ - used_here();
        if (bytes <= room && skip <= room - bytes && grow_to(used_here() + skip + bytes)) {
            return take_here(skip, bytes);
        }
    }
    std::byte* const place =
        upstream_ != nullptr ? take_in_chunk(before, bytes, alignment) : nullptr;
    if (place == nullptr) {
        count_failure();
    }
    return place;
}

bool arena_core::grow_to(std::size_t bytes) noexcept {
    const auto old = static_cast<std::size_t>(end_ - first_);
    if (bytes <= old) {
        return true;
    }
    const std::size_t room = max_capacity_ - old;
    const std::size_t least = bytes - old;
    const auto skip = static_cast<std::size_t>(first_ - region_.data());
    growth_error_ = grow_by_at_most(
        std::max(least, std::min(growth_step(old), room)), least, [&](std::size_t step) {
            const int error = region_.commit(skip + old + step);
            if (error == 0) {
                poison(end_, step);
                end_ += step;
            }
            return error;
        });
    return growth_error_ == 0;
}

bool arena_core::reserve(std::size_t bytes) noexcept {
    if (bytes <= capacity()) {
        return true;
    }
    if (current_ == &own_ && own_.newer == nullptr && bytes <= max_capacity_ && grow_to(bytes)) {
        return true;
    }
    if (upstream_ == nullptr || bytes > most_bytes) {
        return false;
    }
    arena_chunk* last = current_;
    while (last->newer != nullptr) {
        last = last->newer;
    }
    return add_chunk(*last, bytes - capacity()) != nullptr;
}

std::size_t arena_core::shrink() noexcept {
    const std::size_t returned = return_kept();
    const bool is_here = current_ == &own_;
    const auto from = static_cast<std::size_t>((is_here ? top_ : own_.top) - region_.data());
    const auto end = static_cast<std::size_t>((is_here ? end_ : own_.end) - region_.data());
    return returned + region_.discard(from, end);
}

void arena_core::rewind(const mark& to) noexcept {
    if constexpr (checked_build) {
        if (to.home != this || !is_current(to.at)) [[unlikely]] {
            refuse_mark(to);
        }
    }
    go_back(to.at);
}

/// True for a state that this arena may go back to.
bool arena_core::is_current(const point& at) const noexcept {
    const std::size_t size_then = size_at(at.position);
    return size_then != nowhere && size_then >= rewind_limit_ &&
           !history_.passed(size_then, at.rewinds);
}

/// By value: the caller's copy may lie in what is given back.
void arena_core::go_back(point to) noexcept {
    if (newest_ != to.newest) {
        destroy_since(to);
    }
    if (to.position != top_) {
        while (current_ != &own_ && offset_of(to.position) > used_here())
            [[unlikely]] {
                step_back();
            }
        lower(to.position);
        if constexpr (checked_build) {
            history_.add(size());
        }
    }
    free_limit_ = std::min(free_limit_, to.position);
}

void arena_core::undo(const point& before) noexcept {
    require_kept(before.position, before);
    go_back(before);
}

/// What the destructors make and mark lies above everything that is to be destroyed, because the
/// position moves down only when all of them have run.
void arena_core::destroy_since(const point& to) noexcept {
    std::byte* const free_limit = std::exchange(free_limit_, top_);
    const std::size_t rewind_limit = std::exchange(rewind_limit_, size());
    while (newest_ != to.newest && newest_ != nullptr) {
        arena_record* const record = newest_;
        const arena_record read = copy_of(record);
        if (!follow(read.previous, newest_) && checked_build) [[unlikely]] {
            refuse_record(record);
        }
        read.destroy(record);
    }
    free_limit_ = offset_of(free_limit) <= used_here() ? free_limit : first_;
    rewind_limit_ = rewind_limit;
    if (newest_ != to.newest) { // the mark was stale, and the history had forgotten it
        refuse_mark({this, to});
    }
}

/// Sets `found` to the record that a link leads to, or to nullptr at the end of the list. False for
/// a link that leads to no place for a record. There must be a record: then the size is at least
/// 17.
bool arena_core::follow(sealed_offset link, arena_record*& found) const noexcept {
    const std::uint64_t offset = link.offset();
    const auto address = static_cast<std::uintptr_t>(origin() + offset);
    // NOLINTNEXTLINE(performance-no-int-to-ptr): the chunk that it leads to may lie anywhere
    found = reinterpret_cast<arena_record*>(address);
    if (has_record_at(address - reinterpret_cast<std::uintptr_t>(first_), used_here())) [[likely]] {
        return true;
    }
    for (const arena_chunk* chunk = current_->older; chunk != nullptr; chunk = chunk->older) {
        if (has_record_at(address - reinterpret_cast<std::uintptr_t>(chunk->first),
                          static_cast<std::size_t>(chunk->top - chunk->first))) {
            return true;
        }
    }
    found = nullptr;
    return offset == sealed_offset::none;
}

arena_record arena_core::copy_of(const arena_record* record) noexcept {
    unpoison_as_it_was(record, sizeof(arena_record));
    const arena_record copy = *record;
    poison(record, sizeof(arena_record));
    return copy;
}

pool_stats arena_core::stats() const noexcept {
    pool_stats now;
    now.capacity = capacity();
    now.live = size();
    now.free = now.capacity - now.live;
    now.high_water = high_water();
    now.max_capacity = max_capacity();
    now.block_bytes = 1;
    now.bytes_committed = region_.committed();
    for (const arena_chunk* chunk = own_.newer; chunk != nullptr; chunk = chunk->newer) {
        now.bytes_committed += chunk->from_upstream;
    }
    now.failures = failures_;
    now.growth_error = growth_error_;
    now.pages = region_.pages();
    now.page_size_error = region_.page_size_error();
    return now;
}

verdict arena_core::verify() const noexcept {
    if (top_ < first_ || end_ < top_ || capacity() > max_capacity()) {
        return {"first <= top <= end <= maximum does not hold", size()};
    }
    if (free_limit_ < first_ || free_limit_ > top_) {
        return {"the newest mark lies outside what is in use", offset_of(free_limit_)};
    }
    if (const verdict chunks = verify_chunks(); !chunks) {
        return chunks;
    }
    if (!history_.is_ordered()) {
        return {"the rewinds that are remembered are not in order", 0};
    }
    arena_record* record = newest_;
    for (std::size_t most = size() / sizeof(arena_record); record != nullptr; --most) {
        const std::size_t at = size_at(reinterpret_cast<const std::byte*>(record));
        if (most == 0 || at >= size()) {
            return {"the records of destructors go round or out of what is in use", at};
        }
        if (!follow(copy_of(record).previous, record)) {
            return {"the record of a destructor was overwritten", at};
        }
    }
    return {};
}

void arena_core::throw_full(std::size_t bytes) const {
    // If the own memory had room for it, it was the system that refused.
    const bool refused = current_ == &own_ && bytes <= max_capacity_ - used_here();
    throw_exhausted(name_.c_str(),
                    bytes_wanted{bytes},
                    capacity(),
                    high_water(),
                    {refused ? growth_error_ : 0, bytes, region_.commit_request()});
}

void arena_core::refuse_construction(const void* place) const noexcept {
    stop_on_misuse(
        {.pool_name = name_.c_str(), .reason = call_misuse::under_construction, .position = place});
}

void arena_core::refuse_record(const arena_record* record) const noexcept {
    stop_on_misuse({.pool_name = name_.c_str(),
                    .reason = call_misuse::record_overwritten,
                    .position = record + 1});
}

void arena_core::refuse_mark(const mark& refused) const noexcept {
    call_misuse reason = call_misuse::stale_mark;
    if (refused.home != this) {
        reason = call_misuse::foreign_mark;
    } else if (first_ == nullptr) {
        reason = call_misuse::arena_destroyed;
    } else if (size_at(refused.at.position) < rewind_limit_) {
        reason = call_misuse::inside_a_rewind;
    }
    stop_on_misuse({.pool_name = name_.c_str(), .reason = reason, .position = refused.at.position});
}

/// A block of an older chunk stays for the next rewind.
void arena_core::refuse_unless_older(const void* block, std::size_t bytes) const noexcept {
    if (block == nullptr) {
        return;
    }
    const auto address = reinterpret_cast<std::uintptr_t>(block);
    for (const arena_chunk* chunk = current_->older; chunk != nullptr; chunk = chunk->older) {
        const std::uintptr_t offset = address - reinterpret_cast<std::uintptr_t>(chunk->first);
        const auto used = static_cast<std::size_t>(chunk->top - chunk->first);
        if (offset < used && bytes <= used - offset) {
            return;
        }
    }
    misuse reason = misuse::foreign;
    if (first_ == nullptr) {
        reason = misuse::pool_destroyed;
    } else if (owns(block)) {
        reason = misuse::given_back;
    }
    stop_on_misuse({.pool_name = name_.c_str(),
                    .reason = reason,
                    .address = block,
                    .first = first_,
                    .end = end_});
}

} // namespace detail

arena::arena(const arena_options& options, memory_resource* upstream)
    : core_(options.name, detail::room_of(options), options.memory, upstream) {}

std::string_view arena::try_duplicate(std::string_view text) noexcept {
    std::byte* const place = core_.take(0, text.size() + 1, 1);
    if (place == nullptr) {
        return {};
    }
    std::copy(text.begin(), text.end(), reinterpret_cast<char*>(place));
    place[text.size()] = std::byte{0};
    return {reinterpret_cast<const char*>(place), text.size()};
}

std::string_view arena::duplicate(std::string_view text) {
    const std::string_view copy = try_duplicate(text);
    if (copy.data() == nullptr) {
        core_.throw_full(text.size() + 1);
    }
    return copy;
}

void arena::reserve(std::size_t bytes) {
    if (!try_reserve(bytes)) {
        core_.throw_full(bytes - size());
    }
}

bool arena::try_reserve(std::size_t bytes) noexcept {
    return core_.reserve(bytes);
}

arena_options frame_arena::half(const arena_options& options, std::size_t which) {
    arena_options one = options;
    if (options.memory.source == memory_source::buffer) {
        const std::size_t bytes = arena::buffer_bytes(options);
        if (options.memory.buffer.size() / 2 < bytes) {
            detail::throw_bad_option(options.name.c_str(),
                                     "memory.buffer.size()",
                                     options.memory.buffer.size(),
                                     "must be at least",
                                     2 * bytes);
        }
        one.memory.buffer = options.memory.buffer.subspan(which * bytes, bytes);
    }
    return one;
}

MILLPOND_NAMESPACE_END
