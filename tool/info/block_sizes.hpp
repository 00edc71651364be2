// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Which block sizes a resource should have for a recorded program: `pool_resource_options::block_sizes`
/// from a profile.

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "trace/trace.hpp"

namespace millpond::tool {

/// How a program used one size.
struct size_use {
    std::size_t bytes = 0;         ///< asked for, rounded up to what blocks can differ by
    std::uint64_t requests = 0;    ///< over the whole run
    std::uint64_t most_live = 0;   ///< blocks at once
    std::uint64_t asked_bytes = 0; ///< by all requests together
};

/// Gathers the sizes of a process's events.
class size_profile {
public:
    void add(const event& what);

    /// In ascending order, only what a pool can serve.
    [[nodiscard]] std::vector<size_use> uses() const;

    /// Requests, of those and of larger ones.
    [[nodiscard]] std::uint64_t requests() const noexcept { return requests_; }

private:
    struct counted {
        size_use use;
        std::uint64_t live = 0;
    };

    std::unordered_map<std::size_t, counted> by_size_;
    std::vector<std::size_t> sizes_; ///< by block
    std::uint64_t requests_ = 0;
};

/// At most `most` block sizes, in ascending order, the last one as large as the largest use: those that waste
/// the fewest bytes when each size is used as much as it ever was at once. O(most x uses^2).
[[nodiscard]] std::vector<std::size_t> choose_block_sizes(std::span<const size_use> uses,
                                                          std::size_t most);

/// Bytes that blocks of these sizes have beyond what was asked for, in hundredths of the latter, when each
/// size is used as much as it ever was at once.
[[nodiscard]] double waste_percent(std::span<const size_use> uses,
                                   std::span<const std::size_t> block_sizes);

} // namespace millpond::tool
