// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// One heap operation as bytes: written by the recorder inside the program, read by the reader.
///
///     head (2 bytes)                 then, each only as long as the head says, little endian
///     0-2   operation                ticks since the thread's last event      1, 2, 4, 8
///     3-4   length of the ticks      bytes asked for (not for `free`)         1, 2, 4, 8
///     5-6   length of the size       log2 of the alignment (aligned only)     1
///     7-9   length of the address    address, as a step from the last one     1 to 8
///     10-11 form of the site         `reallocate`: old address, from the new  1 to 8
///     12-14 length of the old one    site: nothing, a slot, a slot + address  0, 2, 10
///     15    zero
///
/// A packet starts from a fixed state (tick of the packet's head, address 0, no sites), so every
/// packet can be decoded alone. A site is kept in a table of 1024 slots, found by a hash of its
/// address; it is spelled out only when it enters its slot. An event never takes more than
/// `event_bytes_max` bytes. Nothing here allocates, throws or calls anything.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>

namespace millpond::tool {

static_assert(std::endian::native == std::endian::little, "the code stores words as they are");

inline constexpr std::size_t event_bytes_max = 2 + 8 + 8 + 1 + 8 + 8 + 10;
/// What an encoder may write past an event's end: fields are stored as whole words.
inline constexpr std::size_t event_slack_bytes = 8;
inline constexpr std::size_t site_slots = 1024;

/// An event before blocks and sites have names: plain addresses, plain ticks.
struct raw_event {
    std::uint64_t tick = 0;
    std::uint64_t size = 0;
    std::uint64_t address = 0;
    std::uint64_t old_address = 0; ///< `reallocate` only
    std::uint64_t site = 0;        ///< return address
    std::uint8_t op = 0;           ///< the value of an `operation`
    std::uint8_t alignment_log2 = 0;
};

inline constexpr std::uint8_t raw_allocate = 0;
inline constexpr std::uint8_t raw_allocate_zeroed = 1;
inline constexpr std::uint8_t raw_allocate_aligned = 2;
inline constexpr std::uint8_t raw_reallocate = 3;
inline constexpr std::uint8_t raw_free = 4;

/// What both sides remember from one event to the next.
struct event_context {
    std::uint64_t tick = 0;
    std::uint64_t address = 0;       ///< rotated, see `rotated`
    std::uint64_t last_site[2] = {}; ///< of allocations, of frees
    std::uint64_t* sites = nullptr;  ///< `site_slots` entries, all 0 at the start of a packet
};

/// Heap addresses are multiples of 16; rotating puts the four zero bits where a step keeps them 0.
inline std::uint64_t rotated(std::uint64_t address) noexcept {
    return std::rotr(address, 4);
}

inline std::uint64_t zigzag(std::uint64_t step) noexcept {
    return (step << 1U) ^ (0 - (step >> 63U));
}

inline std::uint64_t unzigzag(std::uint64_t code) noexcept {
    return (code >> 1U) ^ (0 - (code & 1U));
}

inline std::size_t site_slot(std::uint64_t site) noexcept {
    return static_cast<std::size_t>((site * 0x9E3779B97F4A7C15ULL) >> 54U);
}

/// Length code 0..3 for the lengths 1, 2, 4, 8.
inline unsigned short_code(std::uint64_t value) noexcept {
    return static_cast<unsigned>(value > 0xFF) + static_cast<unsigned>(value > 0xFFFF) +
           static_cast<unsigned>(value > 0xFFFFFFFF);
}

/// Length of `value` in bytes, at least 1.
inline unsigned byte_length(std::uint64_t value) noexcept {
    return (static_cast<unsigned>(std::bit_width(value | 1U)) + 7U) / 8U;
}

inline unsigned char*
store_word(unsigned char* out, std::uint64_t value, unsigned length) noexcept {
    std::memcpy(out, &value, sizeof value);
    return out + length;
}

/// Writes the site's part and returns its form; `entered` tells the caller that it is new here.
[[gnu::always_inline]] inline unsigned encode_site(unsigned char*& out,
                                                   event_context& context,
                                                   const raw_event& what,
                                                   bool& entered) noexcept {
    std::uint64_t& last = context.last_site[what.op == raw_free];
    if (last == what.site) {
        return 0;
    }
    last = what.site;
    const std::size_t slot = site_slot(what.site);
    out = store_word(out, slot, 2);
    if (context.sites[slot] == what.site) {
        return 1;
    }
    context.sites[slot] = what.site;
    out = store_word(out, what.site, 8);
    entered = true;
    return 2;
}

/// Appends one event at `out` and returns its end.
///
/// Needs:      `event_bytes_max + event_slack_bytes` writable bytes; `what.tick >= context.tick`.
/// Guarantees: at most `event_bytes_max` bytes; `entered` is set when the site is spelled out.
[[gnu::always_inline]] inline unsigned char* encode_event(unsigned char* out,
                                                          event_context& context,
                                                          const raw_event& what,
                                                          bool& entered) noexcept {
    unsigned char* const start = out;
    const std::uint64_t ticks = what.tick - context.tick;
    const unsigned tick_code = short_code(ticks);
    const std::uint64_t place = rotated(what.address);
    const std::uint64_t step = zigzag(place - context.address);
    const unsigned step_length = byte_length(step);
    context.tick = what.tick;
    context.address = place;
    unsigned head = what.op | (tick_code << 3U) | ((step_length - 1) << 7U);
    out = store_word(out + 2, ticks, 1U << tick_code);
    if (what.op != raw_free) {
        const unsigned size_code = short_code(what.size);
        head |= size_code << 5U;
        out = store_word(out, what.size, 1U << size_code);
        if (what.op == raw_allocate_aligned) {
            *out++ = what.alignment_log2;
        }
    }
    out = store_word(out, step, step_length);
    if (what.op == raw_reallocate) {
        const std::uint64_t back = zigzag(rotated(what.old_address) - place);
        const unsigned back_length = byte_length(back);
        head |= (back_length - 1) << 12U;
        out = store_word(out, back, back_length);
    }
    head |= encode_site(out, context, what, entered) << 10U;
    const auto head_bytes = static_cast<std::uint16_t>(head);
    std::memcpy(start, &head_bytes, sizeof head_bytes);
    return out;
}

enum class decoded : std::uint8_t { event, end, malformed };

/// Takes `length` bytes at `in` as a number; false when they are not there.
inline bool load_word(const unsigned char*& in,
                      const unsigned char* end,
                      unsigned length,
                      std::uint64_t& value) noexcept {
    if (static_cast<std::size_t>(end - in) < length) {
        return false;
    }
    value = 0;
    std::memcpy(&value, in, length);
    in += length;
    return true;
}

inline bool decode_site(const unsigned char*& in,
                        const unsigned char* end,
                        unsigned form,
                        event_context& context,
                        raw_event& what) noexcept {
    std::uint64_t& last = context.last_site[what.op == raw_free];
    if (form != 0) {
        std::uint64_t slot = 0;
        if (form > 2 || !load_word(in, end, 2, slot) || slot >= site_slots) {
            return false;
        }
        if (form == 2 && !load_word(in, end, 8, context.sites[slot])) {
            return false;
        }
        last = context.sites[slot];
    }
    what.site = last;
    return true;
}

/// Reads the event at `in` and moves behind it. Never reads at or past `end`.
inline decoded decode_event(const unsigned char*& in,
                            const unsigned char* end,
                            event_context& context,
                            raw_event& what) noexcept {
    if (in == end) {
        return decoded::end;
    }
    std::uint64_t head = 0;
    std::uint64_t ticks = 0;
    std::uint64_t step = 0;
    if (!load_word(in, end, 2, head) || (head & 7U) > raw_free || (head >> 15U) != 0 ||
        !load_word(in, end, 1U << ((head >> 3U) & 3U), ticks)) {
        return decoded::malformed;
    }
    what = raw_event{};
    what.op = static_cast<std::uint8_t>(head & 7U);
    if (what.op != raw_free && !load_word(in, end, 1U << ((head >> 5U) & 3U), what.size)) {
        return decoded::malformed;
    }
    if (what.op == raw_allocate_aligned) {
        std::uint64_t log2 = 0;
        if (!load_word(in, end, 1, log2) || log2 > 63) {
            return decoded::malformed;
        }
        what.alignment_log2 = static_cast<std::uint8_t>(log2);
    }
    if (!load_word(in, end, static_cast<unsigned>((head >> 7U) & 7U) + 1, step)) {
        return decoded::malformed;
    }
    context.tick += ticks;
    context.address += unzigzag(step);
    what.tick = context.tick;
    what.address = std::rotl(context.address, 4);
    if (what.op == raw_reallocate) {
        std::uint64_t back = 0;
        if (!load_word(in, end, static_cast<unsigned>((head >> 12U) & 7U) + 1, back)) {
            return decoded::malformed;
        }
        what.old_address = std::rotl(context.address + unzigzag(back), 4);
    }
    const bool good =
        decode_site(in, end, static_cast<unsigned>((head >> 10U) & 3U), context, what);
    return good ? decoded::event : decoded::malformed;
}

} // namespace millpond::tool
