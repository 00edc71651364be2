// SPDX-License-Identifier: MIT
#include "replay/plan_builder.hpp"

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>

#include <sys/mman.h>
#include <unistd.h>

namespace millpond::tool::replay {

namespace {

constexpr std::size_t buffered_records = 65536;

action action_of(operation op) {
    switch (op) {
    case operation::allocate_zeroed:
        return action::allocate_zeroed;
    case operation::allocate_aligned:
        return action::allocate_aligned;
    default:
        return action::allocate;
    }
}

/// posix_memalign takes powers of two from the size of a pointer on; a program may have asked for less.
std::uint8_t alignment_log2(std::uint64_t alignment_bytes) {
    const std::uint64_t alignment = std::max<std::uint64_t>(alignment_bytes, sizeof(void*));
    return static_cast<std::uint8_t>(std::bit_width(std::bit_ceil(alignment)) - 1);
}

} // namespace

memory_file::memory_file()
    : descriptor_(memfd_create("millpond-plan", MFD_CLOEXEC)) {
    if (descriptor_ < 0) {
        throw std::system_error(errno, std::generic_category(), "memory for the plan");
    }
}

memory_file::memory_file(memory_file&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)) {}

memory_file::~memory_file() {
    if (descriptor_ >= 0) {
        close(descriptor_);
    }
}

void memory_file::write(const void* bytes, std::size_t count, std::uint64_t offset) {
    const auto* next = static_cast<const char*>(bytes);
    while (count > 0) {
        const ssize_t done = pwrite(descriptor_, next, count, static_cast<off_t>(offset));
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            throw std::system_error(errno,
                                    std::generic_category(),
                                    "no memory for the plan after " + std::to_string(offset) +
                                        " bytes (16 bytes per event are needed)");
        }
        next += done;
        offset += static_cast<std::uint64_t>(done);
        count -= static_cast<std::size_t>(done);
    }
}

void memory_file::read(void* bytes, std::size_t count, std::uint64_t offset) const {
    if (pread(descriptor_, bytes, count, static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(count)) {
        throw std::system_error(errno, std::generic_category(), "reading the plan back");
    }
}

void plan_builder::reject(const std::string& why) const {
    throw trace_error("event " + std::to_string(facts_.operations) +
                      " of the process contradicts the events before it: " + why);
}

std::uint32_t plan_builder::slot_of(std::uint64_t block) const {
    if (block >= slot_of_block_.size() || slot_of_block_[block] == no_slot) {
        reject("block " + std::to_string(block) + " is not live");
    }
    return slot_of_block_[block];
}

void plan_builder::admit(std::uint64_t block) {
    // Numbers are given in order of allocation; threads may swap neighbours, never skip far ahead.
    if (block > slot_of_block_.size() + (std::uint64_t{1} << 24)) {
        reject("block number " + std::to_string(block) + " is far beyond the blocks so far");
    }
    if (block >= slot_of_block_.size()) {
        slot_of_block_.resize(block + 1, no_slot);
    }
    if (slot_of_block_[block] != no_slot) {
        reject("block " + std::to_string(block) + " is allocated while it is live");
    }
}

std::uint32_t plan_builder::slot_for(std::uint64_t block) {
    admit(block);
    std::uint32_t slot = 0;
    if (free_slots_.empty()) {
        slot = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
    } else {
        slot = free_slots_.back();
        free_slots_.pop_back();
    }
    slot_of_block_[block] = slot;
    return slot;
}

void plan_builder::begin_life(live_block& place,
                              std::uint64_t size_bytes,
                              std::uint16_t size_class,
                              std::uint8_t alignment_log2) {
    if (size_class != from_heap) {
        class_use& use = classes_[size_class];
        ++use.operations;
        use.peak_live = std::max(use.peak_live, ++use.live);
    }
    ++facts_.counted_operations;
    facts_.largest_bytes = std::max(facts_.largest_bytes, size_bytes);
    // The record that gives the block its content is the one that is emitted next.
    place = {size_bytes, stamp_of(emitted_), size_class, true, alignment_log2};
}

void plan_builder::end_life(live_block& place) {
    if (place.size_class != from_heap) {
        class_use& use = classes_[place.size_class];
        ++use.operations;
        --use.live;
    }
    ++facts_.counted_operations;
    place.live = false;
}

void plan_builder::count_bytes(std::uint64_t gone, std::uint64_t come) {
    live_bytes_ = live_bytes_ - gone + come;
    facts_.peak_live_bytes = std::max(facts_.peak_live_bytes, live_bytes_);
}

void plan_builder::add_allocation(const event& e) {
    const std::uint32_t slot = slot_for(e.block);
    const bool aligned = e.op == operation::allocate_aligned;
    const std::uint64_t alignment = aligned ? e.alignment_bytes : 0;
    const std::uint16_t size_class = class_of(e.size_bytes, alignment);
    const std::uint8_t log2 = aligned ? alignment_log2(alignment) : std::uint8_t{0};
    begin_life(slots_[slot], e.size_bytes, size_class, log2);
    count_bytes(0, e.size_bytes);
    emit({e.size_bytes, slot, action_of(e.op), log2, size_class});
    if (e.op == operation::allocate_zeroed) {
        checksum_ = fold(checksum_, 0);
    }
    ++facts_.allocations;
    facts_.peak_live_blocks =
        std::max<std::uint64_t>(facts_.peak_live_blocks, slots_.size() - free_slots_.size());
}

void plan_builder::add_reallocation(const event& e) {
    const std::uint32_t slot = slot_of(e.previous);
    slot_of_block_[e.previous] = no_slot; // first, because a block may keep its number
    admit(e.block);
    slot_of_block_[e.block] = slot;
    live_block before = slots_[slot];
    // To realloc, a size of 0 is a free; the recorded block lived on, so it is given one byte.
    const std::uint64_t size = std::max<std::uint64_t>(e.size_bytes, 1);
    const std::uint16_t size_class = class_of(size, 0);
    emit({before.size_bytes, slot, action::resize_from, before.alignment_log2, before.size_class});
    checksum_ = fold(checksum_, visible_stamp(before.stamp, std::min(before.size_bytes, size)));
    if (size_class != before.size_class) { // both blocks exist while the content is copied
        begin_life(slots_[slot], size, size_class, 0);
        end_life(before);
    } else {
        end_life(before);
        begin_life(slots_[slot], size, size_class, 0);
    }
    count_bytes(before.size_bytes, size);
    emit({size, slot, action::resize_to, 0, size_class});
    ++facts_.reallocations;
}

void plan_builder::add_free(const event& e) {
    const std::uint32_t slot = slot_of(e.block);
    live_block& place = slots_[slot];
    emit({place.size_bytes, slot, action::free, place.alignment_log2, place.size_class});
    checksum_ = fold(checksum_, visible_stamp(place.stamp, place.size_bytes));
    end_life(place);
    count_bytes(place.size_bytes, 0);
    slot_of_block_[e.block] = no_slot;
    free_slots_.push_back(slot);
    ++facts_.frees;
}

void plan_builder::add(const event& e) {
    facts_.threads = std::max<std::uint64_t>(facts_.threads, e.thread + std::uint64_t{1});
    if (e.op == operation::reallocate && e.previous != no_block) {
        add_reallocation(e);
    } else if (e.op == operation::free) {
        add_free(e);
    } else {
        add_allocation(e);
    }
    ++facts_.operations;
}

void plan_builder::emit(const record& r) {
    buffer_.push_back(r);
    ++emitted_;
    if (buffer_.size() == buffered_records) {
        flush();
    }
}

void plan_builder::flush() {
    const std::uint64_t before = emitted_ - buffer_.size();
    file_.write(buffer_.data(),
                buffer_.size() * sizeof(record),
                plan_records_offset + before * sizeof(record));
    buffer_.clear();
}

/// Until now a record's pool was its size class.
void plan_builder::assign_pools(const pool_choice& choice) {
    for (std::uint64_t done = 0; done < emitted_;) {
        const std::uint64_t count = std::min<std::uint64_t>(buffered_records, emitted_ - done);
        const std::uint64_t offset = plan_records_offset + done * sizeof(record);
        buffer_.resize(count);
        file_.read(buffer_.data(), count * sizeof(record), offset);
        for (record& r : buffer_) {
            r.pool = r.pool == from_heap ? from_heap : choice.pool_of_class[r.pool];
        }
        file_.write(buffer_.data(), count * sizeof(record), offset);
        done += count;
    }
    buffer_.clear();
}

prepared_plan plan_builder::finish() && {
    plan_header head{};
    head.magic = plan_magic;
    head.records = emitted_;
    for (std::uint32_t slot = 0; slot < slots_.size(); ++slot) {
        const live_block& place = slots_[slot];
        if (place.live) {
            emit({place.size_bytes, slot, action::check, place.alignment_log2, place.size_class});
            checksum_ = fold(checksum_, visible_stamp(place.stamp, place.size_bytes));
            ++facts_.never_freed;
        }
    }
    flush();
    const pool_choice choice = choose_pools(classes_, facts_.counted_operations);
    assign_pools(choice);
    head.checks = emitted_ - head.records;
    head.operations = facts_.operations;
    head.slots = slots_.size();
    head.largest_bytes = facts_.largest_bytes;
    head.expected_checksum = checksum_;
    head.pool_count = choice.pools.size();
    std::copy(choice.pools.begin(), choice.pools.end(), head.pools);
    file_.write(&head, sizeof head, 0);
    // A plan of no records still ends where its records would begin.
    if (ftruncate(file_.descriptor(),
                  static_cast<off_t>(plan_records_offset + emitted_ * sizeof(record))) != 0) {
        throw std::system_error(errno, std::generic_category(), "memory for the plan");
    }
    facts_.pools = choice.pools;
    facts_.pooled_operations = choice.covered_operations;
    facts_.plan_bytes = plan_records_offset + emitted_ * sizeof(record);
    return {std::move(file_), std::move(facts_), head};
}

} // namespace millpond::tool::replay
