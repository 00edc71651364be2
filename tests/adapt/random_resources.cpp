// SPDX-License-Identifier: MIT
/// \file
/// Long random runs on resources of random shape, with and without an upstream, against a model: every
/// byte is a live block's or free, nothing overlaps, what was written stays, the statistics add up.

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "live_blocks.hpp"
#include "resources.hpp"
#include "sound.hpp"
#include "support/sanitized.hpp"
#include "upstream.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_pool_resource;
using millpond::pool_resource;
using millpond::pool_resource_options;
using millpond::test::checking_upstream;
using millpond::test::effort;
using millpond::test::live_blocks;

namespace {

/// One resource of random shape and its model.
template <class Resource>
class random_run {
public:
    random_run(unsigned seed, bool has_upstream)
        : random_(seed)
        , upstream_(has_upstream ? &memory_ : nullptr)
        , options_(draw())
        , resource_(options_, upstream_)
        , blocks_(resource_) {}

    /// What went wrong in so many steps; empty when nothing did.
    std::string run(int steps) {
        for (int step = 0; step < steps && fault_.empty(); ++step) {
            if (below(300) == 0) {
                target_ = below(1500);
            }
            if (below(250) == 0) {
                seldom();
            } else if (below(target_ + blocks_.size() + 1) < target_) {
                take();
            } else if (blocks_.size() != 0) {
                blocks_.give(below(blocks_.size()));
            }
            if (step % 100 == 99 && fault_.empty()) {
                fault_ = millpond::test::fault_of(resource_, upstream_, blocks_);
            }
        }
        blocks_.check_contents();
        if (below(2) == 0) {
            blocks_.give_all();
            (void)resource_.shrink();
        } else {
            resource_.release();
            blocks_.forget();
        }
        if (fault_.empty()) {
            fault_ = millpond::test::fault_of(resource_, upstream_, blocks_);
        }
        if (fault_.empty() && upstream_ != nullptr && resource_.stats().bytes_committed != 0) {
            fault_ = "something was not returned";
        }
        return fault_;
    }

    [[nodiscard]] int refusals() const { return refusals_; }

private:
    std::size_t below(std::size_t limit) { return random_() % limit; }

    pool_resource_options draw() {
        for (std::size_t i = 0; i < 10; ++i) {
            by_hand_.push_back(1 + below(std::size_t{8} << (2 * i / 2)));
        }
        std::sort(by_hand_.begin(), by_hand_.end());
        pool_resource_options options;
        options.name = "random";
        options.max_blocks_per_chunk = below(2) == 0 ? 0 : 1 + below(below(2) == 0 ? 4 : 100);
        options.largest_required_pool_block = below(2) == 0 ? 0 : 1 + below(70'000);
        if (below(3) == 0) {
            options.block_sizes = by_hand_;
        }
        // Enough for some, too little for all. A resource without one takes much address space, for which
        // a sanitizer has no room.
        options.limit_bytes = below(3) == 0 ? 1 + below(below(2) == 0 ? 50'000 : 1'000'000)
                              : millpond::test::sanitized ? std::size_t{1} << 28
                                                          : 0;
        options.prefault = below(4) == 0;
        options.threads = below(8) == 0 ? 0 : 1 + below(4);
        return options;
    }

    /// Some sizes often, so that their pools grow and shrink by many chunks.
    std::size_t any_size() {
        if (below(2) == 0) {
            return favourites_[below(favourites_.size())];
        }
        return below((std::size_t{1} << below(below(20) == 0 ? 18 : 12)) + 1);
    }

    void take() {
        const std::size_t bytes = any_size();
        const std::size_t alignment = std::size_t{1} << (below(3) == 0 ? below(14) : below(5));
        try {
            blocks_.take(bytes, alignment);
        } catch (const millpond::pool_exhausted&) {
            ++refusals_;
            const auto now = resource_.stats();
            if (now.limit_bytes == 0 || now.limit_bytes - now.limited_bytes >= bytes) {
                fault_ = "a block was refused although there was room for it";
            }
        }
    }

    void seldom() {
        const std::size_t committed = resource_.stats().limited_bytes;
        switch (below(4)) {
        case 0:
            (void)resource_.shrink();
            if (resource_.stats().limited_bytes > committed) {
                fault_ = "shrinking has taken memory";
            }
            break;
        case 1:
            if (below(4) == 0) {
                resource_.release();
                blocks_.forget();
            }
            break;
        default:
            if constexpr (std::is_same_v<Resource, pool_resource>) {
                reserve();
            }
        }
    }

    void reserve() {
        const std::size_t bytes = any_size();
        const std::size_t more = below(200);
        try {
            resource_.reserve(resource_.stats_of(bytes, 8).live + more, bytes, 8);
            if (resource_.block_bytes(bytes, 8) != 0 && resource_.stats_of(bytes, 8).free < more) {
                fault_ = "what was reserved is not there";
            }
        } catch (const millpond::pool_exhausted&) {
            ++refusals_;
        }
    }

    std::mt19937 random_;
    std::vector<std::size_t> by_hand_;
    std::array<std::size_t, 3> favourites_{24, 300, 2000};
    checking_upstream memory_;
    checking_upstream* upstream_;
    pool_resource_options options_;
    Resource resource_;
    live_blocks<Resource> blocks_;
    std::size_t target_ = 100;
    int refusals_ = 0;
    std::string fault_;
};

/// Runs on so many resources, whose shapes depend on the seed alone; says how often the limit was met.
template <class Resource>
int run_all(bool has_upstream) {
    int refusals = 0;
    for (unsigned seed = 1; seed <= effort(16U, 6U, 4U); ++seed) {
        CAPTURE(seed);
        random_run<Resource> run(seed, has_upstream);
        REQUIRE(run.run(effort(2000, 1500, 400)) == "");
        refusals += run.refusals();
    }
    return refusals;
}

} // namespace

TEST_CASE_TEMPLATE("resources of random shape over an upstream agree with a model in random runs",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    CHECK(run_all<Resource>(true) > 0);
}

TEST_CASE_TEMPLATE(
    "resources of random shape on pages of their own agree with a model in random runs",
    Resource,
    pool_resource,
    concurrent_pool_resource) {
    CHECK(run_all<Resource>(false) > 0);
}
