// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does an event cost when sizes and lifetimes are those of a real program?
///
/// A recorded trace (mixed_trace.hpp) is played again and again: blocks are allocated and touched, read
/// and freed, in the program's order. `time`: nanoseconds per event, the loop in it, for everyone.
/// `peak`: what the resident memory grew by at most while the trace was played first, for each
/// byte of what was live at most.

#include <algorithm>
#include <cstring>
#include <span>
#include <vector>

#include "measure.hpp"
#include "mixed_trace.hpp"
#include "patterns/container_kinds.hpp"
#include "patterns/memory.hpp"
#include "task.hpp"
#include "trim_heap.hpp"

namespace millpond::bench {

/// Plays a trace on words of 8 bytes, so that sizes and alignment are those of most objects.
template <class Source>
class mixed_player {
public:
    mixed_player(Source& source, const mixed_trace& trace)
        : words_(source.allocator())
        , held_(trace.places()) {}

    /// A pass as in passes.hpp.
    [[gnu::noinline]] void play(std::span<const mixed_event> events) {
        const std::span<std::uint64_t*> held(held_);
        std::uint64_t value = value_;
        std::uint64_t sum = 0;
        for (const mixed_event& event : events) {
            std::uint64_t*& block = held[event.place];
            if (event.is_free()) {
                sum += *block;
                words_.deallocate(block, event.words());
            } else {
                block = words_.allocate(event.words());
                touch_words(block, event.words(), ++value);
            }
            asm volatile("" : : "r"(this) : "memory");
        }
        value_ = value;
        checksum_ += sum;
    }

    [[nodiscard]] std::uint64_t checksum() const noexcept { return checksum_; }

private:
    /// As `touch`, where the size is not known before.
    static void touch_words(std::uint64_t* block, std::size_t words, std::uint64_t value) noexcept {
        for (std::size_t at = 0; at < words; at += 8) {
            block[at] = value;
        }
        block[words - 1] = value;
    }

    allocator_of<Source, std::uint64_t> words_;
    std::vector<std::uint64_t*> held_;
    std::uint64_t value_ = 0;
    std::uint64_t checksum_ = 0;
};

template <class Source>
outcome measure_mixed_sizes(Source& source, const task& asked) {
    constexpr std::size_t looks = 64; // at the memory: the most is where most is live, or later
    const mixed_trace trace;
    const std::span<const mixed_event> events = trace.events();
    mixed_player<Source> player(source, trace);
    trim_heap();
    const resident_growth memory;
    double peak_bytes = 0;
    for (std::size_t i = 0; i < events.size(); ++i) {
        if (i == trace.peak_event() || i % (events.size() / looks) == 0) {
            peak_bytes = std::max(peak_bytes, memory.bytes());
        }
        player.play(events.subspan(i, 1));
    }
    const std::size_t batches = std::max<std::size_t>(1, asked.operations / events.size());
    const double ns = median_batch_ns(batches, [&] { player.play(events); });
    return {.checksum = player.checksum(),
            .figures = {{"time", ns / static_cast<double>(events.size())},
                        {"peak", peak_bytes / static_cast<double>(trace.peak_bytes())}}};
}

} // namespace millpond::bench
