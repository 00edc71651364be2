// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// What does it cost to replace objects at random among many: an order book, a set of entities?
///
/// A number of blocks stays live. In each step one to 32 victims, drawn at random, are read and
/// freed, and as many newcomers are allocated and touched. Unit: nanoseconds per block replaced.

#include <utility>
#include <vector>

#include "measure.hpp"
#include "task.hpp"

namespace millpond::bench {

/// The blocks that are live, and the step that replaces some. Latency measures the same step.
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
        for (void*& block : live_) {
            block = take(pool_, ++value_);
        }
    }

    churn(const churn&) = delete;
    churn& operator=(const churn&) = delete;

    ~churn() {
        for (void* const block : live_) {
            give(pool_, block);
        }
    }

    /// Replaces 1 to 32 blocks; `Free` and `Allocate` wrap the two operations. Returns how many.
    template <class Free, class Allocate>
    [[gnu::always_inline]] std::size_t step(Free&& free_one, Allocate&& allocate_one) {
        const std::size_t victims = 1 + random_.below(most_victims);
        std::size_t last = live_.size();
        for (std::size_t i = 0; i < victims; ++i) {
            const std::size_t chosen = random_.below(last);
            void* const block = live_[chosen];
            live_[chosen] = live_[--last];
            checksum_ += free_one(pool_, block);
        }
        for (std::size_t i = 0; i < victims; ++i) {
            live_[last++] = allocate_one(pool_, ++value_);
        }
        return victims;
    }

    [[nodiscard]] std::uint64_t checksum() const noexcept { return checksum_; }

private:
    Pool pool_;
    std::vector<void*> live_;
    random_source random_;
    std::uint64_t value_ = 0;
    std::uint64_t checksum_ = 0;
};

template <class Pool>
outcome measure_churn(const task& asked) {
    constexpr std::size_t batches = 50;
    churn<Pool> book(asked.blocks);
    const auto replace = [&](std::size_t blocks) {
        for (std::size_t done = 0; done < blocks;) {
            done += book.step([](Pool& pool, void* block) { return give(pool, block); },
                              [](Pool& pool, std::uint64_t value) { return take(pool, value); });
        }
    };
    // Random order has to settle in before it is measured.
    replace(asked.blocks < 100'000 ? 2 * asked.blocks : asked.operations / 2);
    const std::size_t per_batch = asked.operations / batches;
    const double ns = median_batch_ns(batches, [&] { replace(per_batch); });
    outcome found;
    found.figures.push_back({"time", ns / static_cast<double>(per_batch)});
    found.checksum = book.checksum();
    return found;
}

} // namespace millpond::bench
