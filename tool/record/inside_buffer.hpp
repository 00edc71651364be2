// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Buffers of the shared area as the recorded program uses them for anything but events.

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "record/shared_area.hpp"
#include "trace/event_code.hpp"
#include "trace/packet_kind.hpp"

namespace millpond::tool::inside {

/// Waits for a buffer and prepares its head; nullptr when nothing is recorded any more.
buffer_head* claim_buffer(packet_kind kind, std::uint32_t& index) noexcept;
void hand_over(std::uint32_t index) noexcept;

/// Forgets which list of modules was written (a forked child has its own trace of them).
void reset_modules() noexcept;

/// From now on no thread of this library asks the loader while the C library forks; false where that cannot be had.
bool keep_loader_through_forks() noexcept;

/// A buffer for facts, handed over at the end of its life.
class fact_buffer {
public:
    fact_buffer(packet_kind kind, std::uint32_t sequence) noexcept
        : buffer_(claim_buffer(kind, index_)) {
        if (buffer_ != nullptr) {
            buffer_->sequence = sequence;
        }
    }

    ~fact_buffer() {
        if (buffer_ != nullptr) {
            buffer_->published.store(used_, std::memory_order_relaxed);
            hand_over(index_);
        }
    }

    fact_buffer(const fact_buffer&) = delete;
    fact_buffer& operator=(const fact_buffer&) = delete;

    [[nodiscard]] bool fits(std::size_t size) const noexcept {
        return buffer_ != nullptr && used_ + size <= buffer_bytes - payload_offset;
    }

    bool put(const void* from, std::size_t size) noexcept {
        if (!fits(size)) {
            return false;
        }
        std::memcpy(reinterpret_cast<unsigned char*>(buffer_) + payload_offset + used_, from, size);
        used_ += size;
        return true;
    }

private:
    static constexpr std::size_t payload_offset =
        sizeof(buffer_head) + site_slots * sizeof(std::uint64_t);

    std::uint32_t index_ = 0;
    buffer_head* buffer_;
    std::size_t used_ = 0;
};

} // namespace millpond::tool::inside
