// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What a pool for one thread does rarely, compiled once for all of them: finding the next line, and all
/// that concerns the pool as a whole. pool_core.hpp says what the parts are.

#include "millpond/base/config.hpp"
#include "millpond/base/contract.hpp"
#include "millpond/base/name.hpp"
#include "millpond/base/stats.hpp"
#include "millpond/pool/occupancy.hpp"
#include "millpond/pool/position.hpp"

#include <cstddef>
#include <cstdint>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

/// What a pool counts, apart from its blocks.
struct pool_ledger {
    pool_name name;
    misuse gone = misuse::foreign; ///< why nothing can be freed any more; `foreign` while alive
    std::uint32_t high_water = 0;  ///< the largest `claimed` ever
    std::uint64_t failures = 0;
    std::uint32_t frontier = 0; ///< blocks from here on are fresh
    std::uint32_t claimed = 0;  ///< live + magazine
    claimed_word current;       ///< blocks of one line that were claimed and not handed out yet
    std::uint32_t height = 0;   ///< blocks in the magazine

    /// There is no block. Stops the program if that is because the pool is destroyed.
    void* count_failure() noexcept;

    /// No block is left, and why. `capacity` is the storage's: there are no fresh blocks either.
    void end(misuse reason, std::uint32_t capacity) noexcept;
};

class block_source;

/// The positions of a pool's blocks, of either width.
class position_array {
public:
    explicit position_array(narrow_position* first) noexcept
        : narrow_(first) {}

    explicit position_array(wide_position* first) noexcept
        : wide_(first) {}

    [[nodiscard]] std::uint32_t value(std::uint64_t index) const noexcept {
        return narrow_ != nullptr ? value_of(narrow_[index]) : value_of(wide_[index]);
    }

    void set(std::uint64_t index, std::uint32_t value) const noexcept {
        if (narrow_ != nullptr) {
            narrow_[index] = to_position<narrow_position>(value);
        } else {
            wide_[index] = to_position<wide_position>(value);
        }
    }

    /// The free blocks of the line that begins with block `first`, as a mask; see `of_line`.
    [[nodiscard]] std::uint64_t free_from(std::uint64_t first,
                                          std::uint64_t readable) const noexcept {
        const auto of_16 = [](const auto* sixteen) { return free_of_16(sixteen); };
        return narrow_ != nullptr ? of_line(narrow_ + first, readable, of_16)
                                  : of_line(wide_ + first, readable, of_16);
    }

    /// Makes the first `count` positions those of blocks never handed out.
    void clear(std::uint64_t count) const noexcept;

private:
    narrow_position* narrow_ = nullptr;
    wide_position* wide_ = nullptr;
};

/// Takes the lowest line that has free blocks out of the set, with those below the frontier. The mask is
/// zero when there is no line. Positions from `readable` on must not be read.
template <class Position>
[[nodiscard]] claimed_word claim_line(std::uint64_t* words,
                                      const occupancy_shape& shape,
                                      const Position* positions,
                                      std::uint64_t readable,
                                      std::uint32_t frontier) noexcept;

/// A pool without the type of its storage, made for one call.
struct pool_view {
    pool_ledger& ledger;
    void** magazine; ///< places 1 to `places`
    std::uint32_t places;
    bool tracks_places; ///< a position says where in the magazine its block lies
    position_array positions;
    std::uint64_t positions_end; ///< positions from here on must not be read
    occupancy lines;             ///< those with blocks that were freed beyond the magazine
    block_source& source;

    /// Makes fresh blocks the current line, or those of a chunk that fills a gap. False when the
    /// storage does not grow. No line has free blocks.
    [[nodiscard]] bool claim_fresh() noexcept;

    /// True when `blocks` more can be live now, after growing if need be.
    [[nodiscard]] bool can_allocate(std::size_t blocks) noexcept;

    /// Forgets every block without looking at it. O(metadata of used blocks).
    void clear() noexcept;

    /// Gives the memory under free blocks back to the system; returns how many bytes.
    [[nodiscard]] std::size_t shrink() noexcept;

    /// The blocks of a chunk, which are all free, leave the pool.
    void take_out(block_range blocks) noexcept;

    [[nodiscard]] pool_stats stats() const noexcept;

    /// Checks every invariant; O(capacity).
    [[nodiscard]] verdict verify() const noexcept;

private:
    [[nodiscard]] std::uint64_t free_blocks_of(std::uint32_t line) const noexcept;
    void add(block_range blocks) noexcept;
    void put_back_all() noexcept;
    void retract_frontier() noexcept;
    [[nodiscard]] verdict verify_magazine() const noexcept;
    [[nodiscard]] verdict verify_lines() const noexcept;
};

} // namespace detail

MILLPOND_NAMESPACE_END
