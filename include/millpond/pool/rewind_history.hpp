// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How an arena recognises a mark that it was rewound past, even after it has grown past it again.
///
/// A position is the number of bytes in use. A rewind matters until a later one goes as low or
/// lower, so those that matter rise in position, the oldest lowest:
///
///     number      3      7     8
///     position  --|------|-----|-----> top      a mark here, taken before rewind 7:
///                           ^                   the newest rewind below it is 7, so it is stale
///
/// Eight are remembered. When there are more, the second lowest is forgotten, because the lowest is
/// usually the last `clear`. A stale mark between the forgotten one and the next is then accepted.

#include "millpond/base/config.hpp"

#include <array>
#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

class rewind_history {
public:
    /// How many rewinds there have been.
    [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

    /// True when a rewind went below the position after the first `count` of them. A true answer is
    /// always right; at most `entries` steps.
    [[nodiscard]] bool passed(std::size_t position, std::uint64_t count) const noexcept {
        return count != count_ && newest_below(position) > count;
    }

    void add(std::size_t position) noexcept {
        while (size_ != 0 && entries_[size_ - 1].position >= position) {
            --size_;
        }
        if (size_ == entries) [[unlikely]] {
            for (std::size_t i = 2; i < entries; ++i) {
                entries_[i - 1] = entries_[i];
            }
            --size_;
        }
        entries_[size_++] = {position, ++count_};
    }

    /// True when positions and numbers rise together.
    [[nodiscard]] bool is_ordered() const noexcept {
        for (std::size_t i = 1; i < size_; ++i) {
            if (entries_[i - 1].position >= entries_[i].position ||
                entries_[i - 1].number >= entries_[i].number) {
                return false;
            }
        }
        return size_ == 0 || entries_[size_ - 1].number <= count_;
    }

private:
    /// The number of the newest rewind that went below the position; 0 for none.
    [[nodiscard]] MILLPOND_OUTLINE std::uint64_t newest_below(std::size_t position) const noexcept {
        std::size_t lower = size_;
        while (lower != 0 && entries_[lower - 1].position >= position) {
            --lower;
        }
        return lower == 0 ? 0 : entries_[lower - 1].number;
    }

    static constexpr std::size_t entries = 8;

    struct entry {
        std::size_t position; ///< bytes in use
        std::uint64_t number;
    };

    std::uint64_t count_ = 0;
    std::size_t size_ = 0;
    std::array<entry, entries> entries_{};
};

} // namespace detail

MILLPOND_NAMESPACE_END
