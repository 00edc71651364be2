// SPDX-License-Identifier: MIT
/// \file
/// Finding the next line, and what concerns a pool as a whole.

#include "millpond/pool/pool_view.hpp"

#include "millpond/base/instrument.hpp"
#include "millpond/pool/block_source.hpp"

#include <bit>
#include <cstring>

MILLPOND_NAMESPACE_BEGIN

namespace detail {

namespace {

constexpr std::uint64_t all_of_a_line = ~std::uint64_t{0};

/// The lowest `count` blocks of a line, at most 64.
constexpr std::uint64_t lowest_blocks(std::uint64_t count) noexcept {
    return count == 0 ? 0 : all_of_a_line >> (word_blocks - count);
}

/// Blocks of a line that lie below `end`.
constexpr std::uint64_t below(std::uint32_t end, std::uint32_t line) noexcept {
    const std::uint64_t first = std::uint64_t{line} * word_blocks;
    const std::uint64_t rest = end > first ? end - first : 0;
    return lowest_blocks(rest < word_blocks ? rest : word_blocks);
}

constexpr std::uint32_t lines_of(std::uint32_t blocks) noexcept {
    return blocks / word_blocks + (blocks % word_blocks != 0 ? 1 : 0);
}

} // namespace

void* pool_ledger::count_failure() noexcept {
    if (gone == misuse::pool_destroyed) {
        stop_on_misuse({.pool_name = name.c_str(), .reason = call_misuse::pool_destroyed});
    }
    ++failures;
    return nullptr;
}

void pool_ledger::end(misuse reason, std::uint32_t capacity) noexcept {
    gone = reason;
    frontier = capacity;
    claimed = 0;
    current = {};
    height = 0;
}

// --- lines ----------------------------------------------------------------------------------------

/// The free blocks of a line below the frontier, wherever they wait.
std::uint64_t pool_view::free_blocks_of(std::uint32_t line) const noexcept {
    const std::uint64_t first = std::uint64_t{line} * word_blocks;
    return below(ledger.frontier, line) & positions.free_from(first, positions_end - first);
}

void position_array::clear(std::uint64_t count) const noexcept {
    const auto positions = static_cast<std::size_t>(count);
    if (narrow_ != nullptr) {
        std::memset(narrow_, 0, positions * sizeof *narrow_);
    } else {
        std::memset(wide_, 0, positions * sizeof *wide_);
    }
}

template <class Position>
claimed_word claim_line(std::uint64_t* words,
                        const occupancy_shape& shape,
                        const Position* positions,
                        std::uint64_t readable,
                        std::uint32_t frontier) noexcept {
    const std::uint32_t line = occupancy(words, shape).take_lowest();
    if (line == occupancy::none) {
        return {};
    }
    const std::uint64_t first = std::uint64_t{line} * word_blocks;
    const std::uint64_t used = frontier - first; // at least one: only such blocks are ever freed
    const auto of_16 = [](const Position* sixteen) { return free_of_16(sixteen); };
    if (used >= word_blocks) [[likely]] {
        return {line, of_line(positions + first, of_16)};
    }
    return {line, of_line(positions + first, readable - first, of_16) & lowest_blocks(used)};
}

template claimed_word claim_line(std::uint64_t*,
                                 const occupancy_shape&,
                                 const narrow_position*,
                                 std::uint64_t,
                                 std::uint32_t) noexcept;
template claimed_word claim_line(std::uint64_t*,
                                 const occupancy_shape&,
                                 const wide_position*,
                                 std::uint64_t,
                                 std::uint32_t) noexcept;

bool pool_view::claim_fresh() noexcept {
    if constexpr (instrumented) {
        if (ledger.frontier == 0) {
            source.poison_all();
        }
    }
    block_range fresh{ledger.frontier, source.capacity()};
    if (fresh.empty()) {
        fresh = source.grow();
        if (fresh.empty()) {
            return false;
        }
    }
    if (fresh.first != ledger.frontier) { // the gap of a chunk that shrink() returned
        add(fresh);
        const std::uint32_t line = lines.take_lowest();
        ledger.current = {line, free_blocks_of(line)};
        return true;
    }
    const std::uint32_t line = fresh.first / word_blocks;
    const std::uint64_t line_end = (std::uint64_t{line} + 1) * word_blocks;
    ledger.frontier = fresh.end < line_end ? fresh.end : static_cast<std::uint32_t>(line_end);
    ledger.current = {line,
                      lowest_blocks(ledger.frontier - fresh.first) << fresh.first % word_blocks};
    return true;
}

/// Blocks that are free and below the frontier can be found from here on.
void pool_view::add(block_range blocks) noexcept {
    for (std::uint32_t line = blocks.first / word_blocks; line < lines_of(blocks.end); ++line) {
        lines.insert(line);
    }
}

bool pool_view::can_allocate(std::size_t blocks) noexcept {
    const std::uint32_t live = ledger.claimed - ledger.height;
    while (blocks > source.capacity() - source.missing() - live) {
        const bool fits = blocks <= source.max_capacity() - live;
        const block_range more = fits ? source.grow() : block_range{};
        if (more.empty()) {
            return false;
        }
        if (more.first < ledger.frontier) { // as in claim_fresh()
            add(more);
        }
    }
    return true;
}

void pool_view::take_out(block_range blocks) noexcept {
    for (std::uint64_t index = blocks.first; index < blocks.end; ++index) {
        positions.set(index, position_absent);
    }
    for (std::uint32_t line = blocks.first / word_blocks; line < lines_of(blocks.end); ++line) {
        if (lines.contains(line) && free_blocks_of(line) == 0) {
            lines.erase(line);
        }
    }
}

// --- the whole pool -------------------------------------------------------------------------------

void pool_view::clear() noexcept {
    const std::uint32_t used = ledger.frontier;
    if (used == 0) {
        return; // all blocks are fresh, or there are none
    }
    positions.clear(used);
    lines.clear(lines_of(used));
    ledger.height = 0;
    ledger.current = {};
    ledger.frontier = 0;
    ledger.claimed = 0;
}

/// Moves every free block to its line.
void pool_view::put_back_all() noexcept {
    for (; ledger.height != 0; --ledger.height, --ledger.claimed) {
        const std::uint64_t index = source.index_of(magazine[ledger.height]);
        positions.set(index, position_freed);
        lines.insert(static_cast<std::uint32_t>(index / word_blocks));
    }
    if (ledger.current.mask != 0) {
        lines.insert(ledger.current.word);
        ledger.current.mask = 0;
    }
}

/// Turns free blocks at the end back into fresh ones, so that their memory can go.
void pool_view::retract_frontier() noexcept {
    while (ledger.frontier != 0) {
        const std::uint32_t line = (ledger.frontier - 1) / word_blocks;
        const std::uint64_t used = below(ledger.frontier, line);
        const std::uint64_t taken = used & ~free_blocks_of(line);
        const auto kept = static_cast<std::uint32_t>(std::bit_width(taken));
        ledger.frontier = line * word_blocks + kept;
        if (taken != used && taken == lowest_blocks(kept)) {
            lines.erase(line);
        }
        if (kept != 0) {
            return;
        }
    }
}

std::size_t pool_view::shrink() noexcept {
    put_back_all();
    retract_frontier();
    std::size_t returned = 0;
    std::uint64_t run = 0; // first block of the current run of free ones; may be 2^32, at the end
    const auto end_run_before = [&](std::uint64_t block) {
        if (run < block) {
            returned += source.discard(run, block, *this);
        }
        run = block + 1;
    };
    for (std::uint32_t line = 0; line < lines_of(ledger.frontier); ++line) {
        std::uint64_t taken = below(ledger.frontier, line) & ~free_blocks_of(line);
        for (; taken != 0; taken &= taken - 1) {
            end_run_before(std::uint64_t{line} * word_blocks + trailing_zeros(taken));
        }
    }
    end_run_before(source.capacity());
    source.retract(ledger.frontier);
    return returned;
}

pool_stats pool_view::stats() const noexcept {
    pool_stats now;
    now.capacity = source.capacity() - source.missing();
    now.live = ledger.claimed - ledger.height;
    now.free = now.capacity - now.live;
    now.high_water = ledger.high_water;
    now.max_capacity = source.max_capacity();
    now.block_bytes = source.stride_bytes();
    now.failures = ledger.failures;
    source.add_memory_stats(now);
    return now;
}

// --- self-check -----------------------------------------------------------------------------------

verdict pool_view::verify() const noexcept {
    const std::uint32_t capacity = source.capacity();
    if (ledger.frontier > capacity || capacity > source.max_capacity()) {
        return {"frontier <= capacity <= max_capacity does not hold", ledger.frontier};
    }
    if (ledger.height > ledger.claimed || ledger.claimed > ledger.high_water) {
        return {"magazine <= claimed <= high water does not hold", ledger.claimed};
    }
    const std::uint32_t inconsistent = lines.first_inconsistency(lines_of(capacity));
    if (inconsistent != occupancy::none) {
        return {"a summary bit disagrees with the words below it", inconsistent};
    }
    const verdict found = verify_magazine();
    return found ? verify_lines() : found;
}

verdict pool_view::verify_magazine() const noexcept {
    for (std::uint32_t place = 1; place <= ledger.height; ++place) {
        const std::uint64_t index = source.index_of(magazine[place]);
        if (index >= ledger.frontier) {
            return {"the magazine holds an address that is no block", place};
        }
        const std::uint32_t expected = tracks_places ? place : places + 1;
        if (positions.value(index) != expected) {
            return {"the magazine holds a block whose position is another",
                    static_cast<std::size_t>(index)};
        }
    }
    return {};
}

verdict pool_view::verify_lines() const noexcept {
    std::uint64_t claimed = 0;
    std::uint64_t waiting = 0;
    std::uint64_t swept = 0;
    for (std::uint32_t line = 0; line < lines_of(source.capacity()); ++line) {
        const std::uint64_t first = std::uint64_t{line} * word_blocks;
        const std::uint64_t free = free_blocks_of(line);
        for (std::uint64_t rest = below(source.capacity(), line); rest != 0; rest &= rest - 1) {
            const auto block = trailing_zeros(rest);
            const std::uint32_t value = positions.value(first + block);
            const bool is_claimed = is_in_use(value) || value == position_dying;
            if (is_claimed && first + block >= ledger.frontier) {
                return {"a block beyond the frontier is in use",
                        static_cast<std::size_t>(first + block)};
            }
            if (is_in_use(value) && value > places + 1) {
                return {"a position is no place", static_cast<std::size_t>(first + block)};
            }
            claimed += is_claimed ? 1U : 0U;
            swept += value == position_swept ? 1U : 0U;
        }
        const std::uint64_t current = ledger.current.word == line ? ledger.current.mask : 0;
        if ((current & ~free) != 0) {
            return {"a block that is being handed out is in use", static_cast<std::size_t>(first)};
        }
        if (lines.contains(line) != ((free & ~current) != 0)) {
            return {"a line's bit disagrees with its free blocks", line};
        }
        waiting += static_cast<std::uint32_t>(std::popcount(free));
    }
    if (claimed != ledger.claimed) {
        return {"live + magazine differs from the blocks in use",
                static_cast<std::size_t>(claimed)};
    }
    if (ledger.frontier != claimed + waiting + swept + source.missing()) {
        return {"claimed + free of all lines + swept differs from the frontier",
                static_cast<std::size_t>(waiting)};
    }
    return {};
}

} // namespace detail

MILLPOND_NAMESPACE_END
