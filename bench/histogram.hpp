// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Counts of how many operations took how many ticks: one counter per tick up to 16 Ki ticks, and
/// every longer one kept as it is. Exact, and adding one touches one counter.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace millpond::bench {

class histogram {
public:
    histogram()
        : counts_(exact_ticks) {
        longer_.reserve(1 << 16);
    }

    void add(std::uint64_t ticks) {
        ++total_;
        if (ticks < exact_ticks) [[likely]] {
            ++counts_[ticks];
        } else {
            longer_.push_back(ticks);
        }
    }

    [[nodiscard]] std::uint64_t total() const noexcept { return total_; }

    /// The smallest time that `percentile` per cent of the operations do not exceed.
    [[nodiscard]] std::uint64_t at(double percentile) {
        const auto exact = static_cast<double>(total_) * percentile / 100.0;
        auto rank = static_cast<std::uint64_t>(std::ceil(exact * (1 - 1e-12)));
        rank = std::clamp<std::uint64_t>(rank, 1, total_);
        std::uint64_t seen = 0;
        for (std::size_t ticks = 0; ticks < exact_ticks; ++ticks) {
            seen += counts_[ticks];
            if (seen >= rank) {
                return ticks;
            }
        }
        std::sort(longer_.begin(), longer_.end());
        return longer_[rank - seen - 1];
    }

private:
    static constexpr std::size_t exact_ticks = 1 << 14;

    std::vector<std::uint32_t> counts_;
    std::vector<std::uint64_t> longer_;
    std::uint64_t total_ = 0;
};

} // namespace millpond::bench
