// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How the operations of several threads are cut into rounds, and how their checksums are kept.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <vector>

#include "crew.hpp"

namespace millpond::bench {

/// Rounds of at most 10,000 operations: a tenth of a millisecond, or a few for who is slow.
struct rounds {
    explicit rounds(std::size_t all_operations)
        : operations(std::min<std::size_t>(all_operations, 10'000))
        , count(all_operations / operations) {}

    std::size_t operations; ///< of each thread in one round
    std::size_t count;
};

/// What each thread read. A round must read the same as the one before, so the sum does not depend on
/// how many rounds there were.
class checksums {
public:
    explicit checksums(std::size_t threads)
        : each_(threads) {}

    void of_a_round(std::size_t index, std::uint64_t checksum) {
        if (each_[index].rounds++ != 0 && each_[index].checksum != checksum) {
            std::fputs("a round read something else than the one before\n", stderr);
            std::_Exit(4);
        }
        each_[index].checksum = checksum;
    }

    [[nodiscard]] std::uint64_t sum() const noexcept {
        return std::accumulate(
            each_.begin(), each_.end(), std::uint64_t{0}, [](std::uint64_t sum, const one& thread) {
                return sum + thread.checksum;
            });
    }

private:
    struct alignas(apart_bytes) one {
        std::uint64_t checksum = 0;
        std::size_t rounds = 0;
    };

    std::vector<one> each_;
};

} // namespace millpond::bench
