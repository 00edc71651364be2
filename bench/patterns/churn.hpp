// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does it cost to replace objects at random among many: an order book, a set of entities?
///
/// A number of blocks stays live. In each step one to 32 victims, drawn at random, are read and
/// freed, and as many newcomers are allocated and touched. Unit: nanoseconds per block replaced.

#include <span>
#include <utility>
#include <vector>

#include "measure.hpp"
#include "passes.hpp"
#include "task.hpp"

namespace millpond::bench {

/// The blocks that are live, and the pass that replaces some. Latency measures the same pass.
template <class Pool>
class churn {
public:
    static constexpr std::size_t most_victims = 32;

    explicit churn(std::size_t live_blocks)
        : churn(live_blocks, live_blocks) {}

    /// `Pool` may be a reference, to one that others use too.
    template <class Made>
    churn(Made&& pool, std::size_t live_blocks)
        : pool_(std::forward<Made>(pool))
        , live_(live_blocks) {
        take_all(pool_, std::span(live_));
    }

    churn(const churn&) = delete;
    churn& operator=(const churn&) = delete;

    ~churn() { give_all(pool_, std::span(live_)); }

    /// Replaces so many blocks, 1 to 32 at a time and at most 31 too many; `Free` and `Allocate` wrap the
    /// two operations. A pass as in passes.hpp.
    template <class Free, class Allocate>
    [[gnu::noinline]] void replace(std::size_t blocks, Free free_one, Allocate allocate_one) {
        auto& pool = pool_;
        const std::span<void*> live(live_);
        random_source random = random_;
        std::uint64_t value = value_;
        std::uint64_t sum = 0;
        for (std::size_t done = 0; done < blocks;) {
            const std::size_t victims = 1 + random.below(most_victims);
            std::size_t last = live.size();
            for (std::size_t i = 0; i < victims; ++i) {
                const std::size_t chosen = random.below(last);
                void* const block = live[chosen];
                live[chosen] = live[--last];
                sum += free_one(pool, block);
            }
            for (std::size_t i = 0; i < victims; ++i) {
                live[last++] = allocate_one(pool, ++value);
            }
            done += victims;
        }
        random_ = random;
        value_ = value;
        checksum_ += sum;
    }

    [[nodiscard]] std::uint64_t checksum() const noexcept { return checksum_; }

private:
    Pool pool_;
    std::vector<void*> live_;
    random_source random_;
    std::uint64_t value_ = live_.size(); ///< the last that was written
    std::uint64_t checksum_ = 0;
};

/// Replaces so many blocks.
template <class Pool>
void replace_some(churn<Pool>& book, std::size_t blocks) {
    book.replace(
        blocks,
        [](auto& pool, void* block) { return give(pool, block); },
        [](auto& pool, std::uint64_t value) { return take(pool, value); });
}

template <class Pool>
outcome measure_churn(const task& asked) {
    constexpr std::size_t batches = 50;
    churn<Pool> book(asked.blocks);
    // Random order has to settle in before it is measured.
    replace_some(book, asked.blocks < 100'000 ? 2 * asked.blocks : asked.operations / 2);
    const std::size_t per_batch = asked.operations / batches;
    const double ns = median_batch_ns(batches, [&] { replace_some(book, per_batch); });
    outcome found;
    found.figures.push_back({"time", ns / static_cast<double>(per_batch)});
    found.checksum = book.checksum();
    return found;
}

} // namespace millpond::bench
