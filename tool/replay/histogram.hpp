// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A log-linear histogram of fixed size: 64 counters per power of two, so that a value is known to
/// 1/64 (1.6 %) over the whole range, exactly below 128. Adding is a few instructions, allocates
/// nothing and touches one counter; smallest and largest are kept exactly.
///
/// The player fills one inside the process that is being measured and hands it over as bytes.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace millpond::tool::replay {

class histogram {
public:
    static constexpr unsigned sub_bits = 6;
    static constexpr std::uint64_t per_octave = std::uint64_t{1} << sub_bits;
    static constexpr std::uint64_t largest =
        (std::uint64_t{1} << 40) - 1; ///< larger values count here
    static constexpr std::size_t counters = (40 - sub_bits + 1) * per_octave;

    void add(std::uint64_t value) noexcept {
        ++counts_[place_of(std::min(value, largest))];
        ++total_;
        smallest_ = std::min(smallest_, value);
        largest_ = std::max(largest_, value);
    }

    [[nodiscard]] std::uint64_t total() const noexcept { return total_; }

    [[nodiscard]] std::uint64_t max() const noexcept { return largest_; }

    /// The smallest value that at least `percentile` per cent of the values do not exceed (nearest
    /// rank), to the histogram's precision and never beyond the largest. 0 when nothing was added.
    [[nodiscard]] std::uint64_t at_percentile(double percentile) const noexcept {
        if (total_ == 0) {
            return 0;
        }
        // A rounding error above an exact rank (99.9 % of 1000) must not name the next one.
        const double exact = percentile / 100.0 * static_cast<double>(total_);
        const auto rank = static_cast<std::uint64_t>(std::ceil(exact - 1e-9 * exact));
        const std::uint64_t wanted = std::clamp<std::uint64_t>(rank, 1, total_);
        std::uint64_t seen = 0;
        for (std::size_t place = 0; place < counters; ++place) {
            seen += counts_[place];
            if (seen >= wanted) {
                return wanted == total_ ? largest_
                                        : std::clamp(last_of(place), smallest_, largest_);
            }
        }
        return largest_;
    }

private:
    [[nodiscard]] static std::size_t place_of(std::uint64_t value) noexcept {
        if (value < per_octave) {
            return static_cast<std::size_t>(value);
        }
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - sub_bits - 1;
        return static_cast<std::size_t>(shift * per_octave + (value >> shift));
    }

    /// The largest value that is counted at `place`.
    [[nodiscard]] static std::uint64_t last_of(std::size_t place) noexcept {
        if (place < 2 * per_octave) {
            return place;
        }
        const std::uint64_t shift = place / per_octave - 1;
        const std::uint64_t head = place % per_octave + per_octave;
        return ((head + 1) << shift) - 1;
    }

    std::uint64_t total_ = 0;
    std::uint64_t smallest_ = ~std::uint64_t{0};
    std::uint64_t largest_ = 0;
    std::uint64_t counts_[counters] = {};
};

} // namespace millpond::tool::replay
