// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The play itself: every record in turn, on one thread.
///
/// What a program does with its blocks is the same for every heap: a new or resized block is written in
/// its first 64 bytes, in one byte of every 4096 and in its last byte; a zeroed block is read at the
/// same places first; a block that is freed or resized is read in its first 8 bytes. What was read goes
/// into the checksum, so a heap that loses or shares a block cannot give the expected one.

#include <algorithm>
#include <cstdint>
#include <cstring>

#include "replay/plan.hpp"

namespace millpond::tool::replay {

inline constexpr std::uint64_t touched_head_bytes = 64;
inline constexpr std::uint64_t touched_page_bytes = 4096;

inline void touch(void* block, std::uint64_t size, std::uint64_t stamp) noexcept {
    auto* bytes = static_cast<unsigned char*>(block);
    const std::uint64_t head = std::min(size, touched_head_bytes);
    std::uint64_t at = 0;
    for (; at + 8 <= head; at += 8) {
        std::memcpy(bytes + at, &stamp, 8);
    }
    for (std::uint64_t rest = 0; at < head; ++at, rest += 8) {
        bytes[at] = static_cast<unsigned char>(stamp >> rest);
    }
    if (size > touched_head_bytes) {
        for (at = touched_page_bytes; at < size; at += touched_page_bytes) {
            bytes[at] = static_cast<unsigned char>(stamp);
        }
        bytes[size - 1] = static_cast<unsigned char>(stamp);
    }
}

/// Everything that `touch` would write, or-ed together: 0 for a block that is zero there.
[[nodiscard]] inline std::uint64_t survey(const void* block, std::uint64_t size) noexcept {
    const auto* bytes = static_cast<const unsigned char*>(block);
    const std::uint64_t head = std::min(size, touched_head_bytes);
    std::uint64_t seen = 0;
    std::uint64_t at = 0;
    for (; at + 8 <= head; at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, bytes + at, 8);
        seen |= word;
    }
    for (; at < head; ++at) {
        seen |= bytes[at];
    }
    if (size > touched_head_bytes) {
        for (at = touched_page_bytes; at < size; at += touched_page_bytes) {
            seen |= bytes[at];
        }
        seen |= bytes[size - 1];
    }
    return seen;
}

/// The first 8 bytes of a block, fewer when it is smaller.
[[nodiscard]] inline std::uint64_t read_back(const void* block, std::uint64_t size) noexcept {
    std::uint64_t seen = 0;
    if (size >= 8) {
        std::memcpy(&seen, block, 8);
    } else {
        const auto* bytes = static_cast<const unsigned char*>(block);
        for (std::uint64_t at = 0; at < size; ++at) {
            seen |= std::uint64_t{bytes[at]} << (8 * at);
        }
    }
    return seen;
}

/// How a play went: `stopped_at` is the number of records when all were played.
struct play_outcome {
    std::uint64_t checksum = 0;
    std::uint64_t stopped_at = 0;
};

/// Measures nothing, costs nothing.
struct no_probe {
    [[nodiscard]] static std::uint64_t begin() noexcept { return 0; }

    void end(std::uint64_t /*begun*/) noexcept {}
};

/// Plays `count` records on `heap`; `probe` surrounds each call of the heap and nothing else.
template <class Heap, class Probe>
play_outcome
play(const record* records, std::uint64_t count, void** slots, Heap& heap, Probe& probe) {
    play_outcome out;
    for (std::uint64_t i = 0; i < count; ++i) {
        const record& r = records[i];
        void*& block = slots[r.slot];
        if (r.what == action::free) {
            out.checksum = fold(out.checksum, read_back(block, r.size_bytes));
            const std::uint64_t begun = probe.begin();
            heap.free(block, r);
            probe.end(begun);
            continue;
        }
        if (r.what == action::resize_from) {
            const record& to = records[++i];
            const std::uint64_t begun = probe.begin();
            void* moved = heap.resize(block, r, to);
            probe.end(begun);
            if (moved == nullptr) {
                out.stopped_at = i;
                return out;
            }
            block = moved;
            const std::uint64_t kept = std::min(r.size_bytes, to.size_bytes);
            out.checksum = fold(out.checksum, read_back(block, kept));
            touch(block, to.size_bytes, stamp_of(i));
            continue;
        }
        const std::uint64_t begun = probe.begin();
        block = r.what == action::allocate          ? heap.allocate(r)
                : r.what == action::allocate_zeroed ? heap.allocate_zeroed(r)
                                                    : heap.allocate_aligned(r);
        probe.end(begun);
        if (block == nullptr) {
            out.stopped_at = i;
            return out;
        }
        if (r.what == action::allocate_zeroed) {
            out.checksum = fold(out.checksum, survey(block, r.size_bytes));
        }
        touch(block, r.size_bytes, stamp_of(i));
    }
    out.stopped_at = count;
    return out;
}

/// Reads the blocks that the program left behind into the checksum; not measured.
[[nodiscard]] inline std::uint64_t check_rest(const record* checks,
                                              std::uint64_t count,
                                              void* const* slots,
                                              std::uint64_t checksum) noexcept {
    for (std::uint64_t i = 0; i < count; ++i) {
        checksum = fold(checksum, read_back(slots[checks[i].slot], checks[i].size_bytes));
    }
    return checksum;
}

} // namespace millpond::tool::replay
