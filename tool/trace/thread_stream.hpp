// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The events of one thread, one after the other, one packet in memory at a time.

#include <cstddef>
#include <cstdint>
#include <vector>

#include "trace/event_code.hpp"
#include "trace/packet_file.hpp"

namespace millpond::tool {

/// Units:      ticks.
/// Complexity: O(1) per event, one load per packet.
/// Errors:     `trace_error` for content that no recorder writes.
/// Threads:    one thread at a time.
/// Source:     own format, docs/trace-format.md.
class thread_stream {
public:
    /// `packets` are this thread's, in order of sequence, and outlive the stream.
    explicit thread_stream(std::vector<const packet_place*> packets)
        : packets_(std::move(packets))
        , key_(packets_.empty() ? 0 : packets_.front()->head.first_tick)
        , done_(packets_.empty()) {}

    /// Moves to the next event, or to the end.
    void advance(packet_reader& file) {
        for (;;) {
            switch (in_ == nullptr ? decoded::end : decode_event(in_, end_, context_, head_)) {
            case decoded::event:
                started_ = true;
                key_ = head_.tick;
                left_ -= 1;
                return;
            case decoded::malformed:
                file.fail(packets_[next_ - 1]->offset, "an event cannot be decoded");
            case decoded::end:
                if (left_ != 0) {
                    file.fail(packets_[next_ - 1]->offset, "a packet has too few events");
                }
                if (next_ == packets_.size()) {
                    finish();
                    return;
                }
                load(file);
            }
        }
    }

    /// True once `head` is an event: a stream that did not start yet has only a key.
    [[nodiscard]] bool started() const noexcept { return started_; }

    [[nodiscard]] bool done() const noexcept { return done_; }

    [[nodiscard]] const raw_event& head() const noexcept { return head_; }

    /// The tick of the next event, or for a stream not yet started a tick not after it.
    [[nodiscard]] std::uint64_t key() const noexcept { return key_; }

private:
    void load(packet_reader& file) {
        const packet_place& place = *packets_[next_++];
        file.load(place, bytes_);
        sites_.assign(site_slots, 0);
        context_ = event_context{};
        context_.tick = place.head.first_tick;
        context_.sites = sites_.data();
        in_ = reinterpret_cast<const unsigned char*>(bytes_.data());
        end_ = in_ + bytes_.size();
        left_ = place.head.events;
    }

    void finish() {
        done_ = true;
        started_ = false;
        bytes_ = {};
        sites_ = {};
    }

    std::vector<const packet_place*> packets_;
    std::size_t next_ = 0;
    std::uint64_t key_ = 0;
    std::uint64_t left_ = 0; // events of the loaded packet; wraps, and so fails, when too many
    const unsigned char* in_ = nullptr;
    const unsigned char* end_ = nullptr;
    event_context context_;
    raw_event head_;
    std::vector<std::byte> bytes_;
    std::vector<std::uint64_t> sites_;
    bool started_ = false;
    bool done_ = false;
};

} // namespace millpond::tool
