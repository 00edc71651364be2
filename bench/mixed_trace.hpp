// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What one real program asked its heap for, from its start to its end: bench/data/README.md says which.
///
/// The file holds a number for each event, seven bits to a byte, lowest first, the highest bit set in
/// all but the last:
///
///     2 * words       allocate a block of so many words of 8 bytes
///     2 * age + 1     free the block that `age` allocations came after
///
/// A realloc is an allocation and a free. What the program never freed is freed at the end, oldest
/// first.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace millpond::bench {

/// An allocation or a free. A place is a number that stands for a live block; it is used again when that
/// block is free.
struct mixed_event {
    std::uint32_t place;
    std::uint32_t code; ///< twice the block's words, and one more when it is freed

    [[nodiscard]] std::size_t words() const noexcept { return code / 2; }

    [[nodiscard]] bool is_free() const noexcept { return code % 2 != 0; }
};

class mixed_trace {
public:
    /// Reads the trace of this repository; throws std::runtime_error where it is not what it should be.
    mixed_trace();

    [[nodiscard]] const std::vector<mixed_event>& events() const noexcept { return events_; }

    [[nodiscard]] std::size_t places() const noexcept { return places_; }

    /// After so many events most bytes are live.
    [[nodiscard]] std::size_t peak_event() const noexcept { return peak_event_; }

    [[nodiscard]] std::size_t peak_bytes() const noexcept { return peak_words_ * 8; }

private:
    struct life {
        std::uint32_t place;
        std::uint32_t words; ///< 0 when it is over
    };

    void decode();
    void add(std::uint64_t code);
    void allocate(std::uint64_t words);
    void end_life(std::size_t number);
    std::uint32_t next_place();

    std::vector<mixed_event> events_;
    std::uint32_t places_ = 0;
    std::size_t peak_event_ = 0;
    std::uint64_t live_words_ = 0;
    std::uint64_t peak_words_ = 0;

    // Kept, though not needed any more: what is freed would be memory in hand for a heap whose growth
    // is measured next.
    std::vector<unsigned char> file_;
    std::vector<life> lives_; ///< in the order of their allocation
    std::vector<std::uint32_t> free_places_;
};

} // namespace millpond::bench
