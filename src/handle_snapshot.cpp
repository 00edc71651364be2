// SPDX-License-Identifier: MIT
/// \file
/// A handle pool's objects and slots as bytes, and back.
///
///     | header | a word per slot up to the frontier | owners of objects and free slots | objects |
///
/// The parts are the arrays as they are in memory, each padded to whole words with zeros.

#include "millpond/base/bits.hpp"
#include "millpond/base/error.hpp"
#include "millpond/base/instrument.hpp"
#include "millpond/pool/handle_core.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

constexpr std::size_t word_bytes = sizeof(std::uint64_t);

struct header {
    std::array<char, 8> magic{'m', 'p', 'h', 'a', 'n', 'd', 'l', 'e'};
    std::uint64_t byte_order = 0x0102030405060708U;
    std::uint64_t version = 1;
    std::uint64_t bytes = 0; ///< of all, the header included
    std::uint64_t object_bytes = 0;
    std::uint64_t alignment = 0; ///< of the type, not of these bytes
    std::uint64_t slot_bits = 0;
    std::uint64_t tag = 0;
    std::uint64_t slots = 0;
    std::uint64_t known = 0; ///< slots that are not retired
    std::uint64_t objects = 0;
    std::uint64_t high_water = 0;
    std::uint64_t checksum = 0; ///< of all other words
};

static_assert(sizeof(header) == 13 * word_bytes, "written as it is, without padding");

/// Where each part begins, and where the last one ends.
struct parts {
    std::size_t owners;
    std::size_t objects;
    std::size_t end;

    parts(std::size_t slots, std::size_t known, std::size_t live, std::size_t object_bytes)
        : owners(sizeof(header) + slots * word_bytes)
        , objects(owners + round_up(known * sizeof(std::uint32_t), word_bytes))
        , end(objects + round_up(live * object_bytes, word_bytes)) {}
};

/// FNV-1a, a word at a time: a change of any one word changes the result.
std::uint64_t checksum_of(std::span<const std::byte> snapshot) noexcept {
    std::uint64_t sum = 0xcbf29ce484222325U;
    for (std::size_t at = 0; at < snapshot.size(); at += word_bytes) {
        std::uint64_t word = 0;
        std::memcpy(&word, snapshot.data() + at, word_bytes);
        sum = (sum ^ (at == offsetof(header, checksum) ? 0 : word)) * 0x100000001b3U;
    }
    return sum;
}

/// Copies into a snapshot, and pads to a whole word.
void put(std::byte* to, const void* from, std::size_t bytes) noexcept {
    if (bytes != 0) {
        std::memcpy(to, from, bytes);
        std::memset(to + bytes, 0, round_up(bytes, word_bytes) - bytes);
    }
}

/// Bytes from somewhere, about which nothing may be assumed, and the pool that they must fit.
class reader {
public:
    reader(const char* pool_name, std::span<const std::byte> from)
        : name_(pool_name)
        , from_(from) {
        require(from.size() >= sizeof head_, "size", from.size(), "must be at least", sizeof head_);
        std::memcpy(&head_, from.data(), sizeof head_);
    }

    [[nodiscard]] const header& head() const noexcept { return head_; }

    /// Everything that can be checked without the pool's own size.
    void check_whole(std::size_t object_bytes, std::size_t alignment) const {
        const header expected;
        if (head_.magic != expected.magic) {
            require_equal(offsetof(header, magic),
                          "magic",
                          std::bit_cast<std::uint64_t>(head_.magic),
                          std::bit_cast<std::uint64_t>(expected.magic));
        }
        require_equal(
            offsetof(header, byte_order), "byte order", head_.byte_order, expected.byte_order);
        require_equal(offsetof(header, version), "version", head_.version, expected.version);
        require_equal(
            offsetof(header, object_bytes), "object size", head_.object_bytes, object_bytes);
        require_equal(offsetof(header, alignment), "object alignment", head_.alignment, alignment);
        require(from_.size() >= head_.bytes, "size", from_.size(), "must be at least", head_.bytes);
        require(head_.bytes >= sizeof head_ && head_.bytes % word_bytes == 0,
                "bytes in the header",
                head_.bytes,
                "must be a multiple of 8 and at least",
                sizeof head_);
        require_equal(offsetof(header, checksum),
                      "checksum",
                      head_.checksum,
                      checksum_of(from_.first(head_.bytes)));
    }

    /// The header's counts, which must be at most those of a pool.
    void check_counts(std::uint64_t slot_bits) const {
        require_equal(offsetof(header, slot_bits), "slot bits", head_.slot_bits, slot_bits);
        require_at(
            offsetof(header, tag), head_.tag - 1 < 255, "tag", head_.tag, "must be 1 to", 255);
        require_at(offsetof(header, known),
                   head_.known <= head_.slots,
                   "known slots",
                   head_.known,
                   "must be at most",
                   head_.slots);
        require_at(offsetof(header, objects),
                   head_.objects <= head_.known,
                   "objects",
                   head_.objects,
                   "must be at most",
                   head_.known);
        require_at(offsetof(header, high_water),
                   head_.high_water >= head_.known,
                   "high water",
                   head_.high_water,
                   "must be at least",
                   head_.known);
        require_equal(offsetof(header, bytes),
                      "bytes",
                      head_.bytes,
                      parts(head_.slots, head_.known, head_.objects, head_.object_bytes).end);
    }

    /// Each slot has its own position, as an object's or as a free one, or is retired. Positions
    /// that name their slot back all differ, so if there are as many as owners they are all of
    /// them.
    void check_slots(std::uint64_t generation_mask) const {
        std::uint64_t found = 0;
        for (std::uint64_t slot = 0; slot < head_.slots; ++slot) {
            const std::uint64_t state = word(slot) & handle_core::state_mask;
            if (state == handle_core::retired) {
                continue;
            }
            require_at(word_at(slot),
                       state == handle_core::live || state == handle_core::free,
                       "state of a slot",
                       state >> handle_core::tag_shift,
                       "must be 0, 2 or",
                       3);
            const bool is_live = state == handle_core::live;
            const std::uint64_t position =
                word(slot) & ~(generation_mask | handle_core::state_mask);
            require_at(word_at(slot),
                       position < head_.known && owner(position) == slot &&
                           (position < head_.objects) == is_live,
                       is_live ? "position of an object's slot" : "position of a free slot",
                       position,
                       is_live ? "must be its own and below" : "must be its own and at least",
                       head_.objects);
            ++found;
        }
        require_equal(offsetof(header, known), "known slots", head_.known, found);
    }

    void copy(std::size_t at, void* to, std::size_t bytes) const noexcept {
        if (bytes != 0) {
            std::memcpy(to, from_.data() + at, bytes);
        }
    }

private:
    [[nodiscard]] static std::size_t word_at(std::uint64_t slot) noexcept {
        return sizeof(header) + slot * word_bytes;
    }

    [[nodiscard]] std::uint64_t word(std::uint64_t slot) const noexcept {
        std::uint64_t found = 0;
        copy(word_at(slot), &found, sizeof found);
        return found;
    }

    [[nodiscard]] std::uint32_t owner(std::uint64_t position) const noexcept {
        std::uint32_t found = 0;
        copy(word_at(head_.slots) + position * sizeof found, &found, sizeof found);
        return found;
    }

    void require(bool holds,
                 const char* what,
                 std::uint64_t value,
                 const char* requirement,
                 std::uint64_t limit) const {
        if (!holds) {
            std::array<char, 64> field{};
            std::snprintf(field.data(), field.size(), "snapshot: %s", what);
            throw_bad_option(name_, field.data(), value, requirement, limit);
        }
    }

    void require_at(std::size_t byte,
                    bool holds,
                    const char* what,
                    std::uint64_t value,
                    const char* requirement,
                    std::uint64_t limit) const {
        if (!holds) {
            std::array<char, 96> field{};
            std::snprintf(field.data(), field.size(), "snapshot, byte %zu: %s", byte, what);
            throw_bad_option(name_, field.data(), value, requirement, limit);
        }
    }

    void require_equal(std::size_t byte,
                       const char* what,
                       std::uint64_t value,
                       std::uint64_t expected) const {
        require_at(byte, value == expected, what, value, "must be", expected);
    }

    const char* name_;
    std::span<const std::byte> from_;
    header head_;
};

} // namespace

std::size_t handle_core::snapshot_bytes(std::size_t object_bytes) const noexcept {
    return parts(frontier_, known_, size_, object_bytes).end;
}

std::size_t handle_core::snapshot(std::span<std::byte> out,
                                  std::size_t object_bytes,
                                  std::size_t alignment) const {
    const parts where(frontier_, known_, size_, object_bytes);
    if (out.size() < where.end) {
        throw_bad_option(
            name_.c_str(), "snapshot: out.size()", out.size(), "must be at least", where.end);
    }
    put(out.data() + sizeof(header), slots_, frontier_ * word_bytes);
    put(out.data() + where.owners, owners_, known_ * sizeof(std::uint32_t));
    put(out.data() + where.objects, storage_.blocks(), size_ * object_bytes);
    header head;
    head.bytes = where.end;
    head.object_bytes = object_bytes;
    head.alignment = alignment;
    head.slot_bits = static_cast<std::uint64_t>(std::countr_zero(generation_step_));
    head.tag = tag_ >> tag_shift;
    head.slots = frontier_;
    head.known = known_;
    head.objects = size_;
    head.high_water = high_water_;
    put(out.data(), &head, sizeof head);
    head.checksum = checksum_of(out.first(where.end));
    put(out.data(), &head, sizeof head);
    return where.end;
}

void handle_core::restore(std::span<const std::byte> from,
                          std::size_t object_bytes,
                          std::size_t alignment) {
    const reader source(name_.c_str(), from);
    const header& head = source.head();
    source.check_whole(object_bytes, alignment);
    if (head.slots > storage_.max_capacity()) {
        throw_exhausted(name_.c_str(), storage_.max_capacity(), high_water_, 0);
    }
    source.check_counts(static_cast<std::uint64_t>(std::countr_zero(generation_step_)));
    source.check_slots(generation_mask_);
    reserve_or_throw(storage_, name_.c_str(), head.objects, high_water_);
    if (!cover_slots(head.slots)) {
        throw_full();
    }
    // From here on nothing can fail.
    const parts where(head.slots, head.known, head.objects, object_bytes);
    poison(storage_.blocks(), size_ * object_bytes);
    unpoison(storage_.blocks(), head.objects * object_bytes);
    source.copy(sizeof(header), slots_, head.slots * word_bytes);
    source.copy(where.owners, owners_, head.known * sizeof(std::uint32_t));
    source.copy(where.objects, storage_.blocks(), head.objects * object_bytes);
    tag_ = head.tag << tag_shift;
    frontier_ = static_cast<std::uint32_t>(head.slots);
    size_ = static_cast<std::uint32_t>(head.objects);
    end_ = size_;
    known_ = static_cast<std::uint32_t>(head.known);
    // The other pool's peak may be from before a restore of its own, and larger than this pool's
    // can be.
    const std::uint64_t peak = std::min<std::uint64_t>(head.high_water, storage_.max_capacity());
    high_water_ = std::max(high_water_, static_cast<std::uint32_t>(peak));
}

} // namespace detail

MILLPOND_NAMESPACE_END
