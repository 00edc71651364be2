// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A number in every block that its owner wrote, at both ends, and that nobody else may have changed.

#include <cstddef>
#include <cstdint>

namespace millpond::test {

/// Numbers that no other thread of this test gives: `self` is one of at most 256.
class stamps {
public:
    explicit stamps(std::size_t self)
        : next_(self + 256) {}

    /// Marks a block of `bytes` bytes, a multiple of 8, as this thread's.
    std::uint64_t write(void* block, std::size_t bytes) {
        next_ += 256;
        auto* const words = static_cast<std::uint64_t*>(block);
        words[0] = next_;
        words[bytes / 8 - 1] = next_;
        return next_;
    }

private:
    std::uint64_t next_;
};

/// The number in a block, or 0 when the two ends disagree.
inline std::uint64_t stamp_of(const void* block, std::size_t bytes) {
    const auto* const words = static_cast<const std::uint64_t*>(block);
    return words[0] == words[bytes / 8 - 1] ? words[0] : 0;
}

/// Takes the number away, so that a second owner is noticed. False when it was not there.
inline bool erase_stamp(void* block, std::size_t bytes, std::uint64_t stamp) {
    if (stamp == 0 || stamp_of(block, bytes) != stamp) {
        return false;
    }
    auto* const words = static_cast<std::uint64_t*>(block);
    words[0] = 0;
    words[bytes / 8 - 1] = 0;
    return true;
}

} // namespace millpond::test
