// SPDX-License-Identifier: MIT
/// \file
/// Every short sequence of operations on a resource, with an upstream that refuses at each of its calls in
/// turn, against a model.
///
/// A sequence is a number in the base of the operations. One that frees a block that is not there is left
/// out, with all that begin like it.

#include <algorithm>
#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "live_blocks.hpp"
#include "resources.hpp"
#include "shapes.hpp"
#include "sound.hpp"
#include "support/sanitized.hpp"
#include "upstream.hpp"
#include <doctest/doctest.h>

using millpond::concurrent_pool_resource;
using millpond::pool_resource;
using millpond::test::checking_upstream;
using millpond::test::effort;
using millpond::test::live_blocks;
using millpond::test::refusal;
using millpond::test::shape;

namespace {

/// Two to a chunk, one to a chunk, and one of no class.
constexpr std::array<shape, 3> three_sizes{{{16, 8}, {4096, 4096}, {5000, 8}}};

enum operation : std::size_t {
    take_small,
    take_page,
    take_unpooled,
    give_lowest,
    give_highest,
    shrink,
    release,
    operations,
};

/// One resource and what is live in it.
template <class Resource>
class checked_run {
public:
    checked_run(checking_upstream& upstream, std::size_t limit)
        : upstream_(upstream)
        , resource_({.max_blocks_per_chunk = 2,
                     .largest_required_pool_block = 4096,
                     .limit_bytes = limit,
                     .threads = 1},
                    &upstream)
        , blocks_(resource_) {}

    /// False when there is no block to be freed.
    bool apply(std::size_t step) {
        switch (step) {
        case give_lowest:
        case give_highest:
            if (blocks_.size() == 0) {
                return false;
            }
            blocks_.give(step == give_lowest ? 0 : blocks_.size() - 1);
            break;
        case shrink:
            (void)resource_.shrink();
            break;
        case release:
            resource_.release();
            blocks_.forget();
            if (upstream_.bytes() != 0) {
                fault_ = "a release has kept something";
            }
            break;
        default:
            take(three_sizes[step]);
        }
        if (fault_.empty()) {
            fault_ = millpond::test::fault_of(resource_, &upstream_, blocks_);
        }
        return true;
    }

    /// Frees what is left, after which the upstream has everything back.
    void finish() {
        blocks_.give_all();
        (void)resource_.shrink();
        if (fault_.empty() && resource_.stats().bytes_committed != 0) {
            fault_ = "a shrink has kept something";
        }
    }

    [[nodiscard]] const std::string& fault() const { return fault_; }

private:
    void take(const shape& one) {
        const std::size_t had = blocks_.size();
        const int refused = upstream_.last_refused();
        try {
            blocks_.take(one.bytes, one.alignment);
            return;
        } catch (const refusal& passed) {
            if (passed.call != upstream_.last_refused() || passed.call == refused) {
                fault_ = "what the upstream threw was changed";
            }
        } catch (const millpond::pool_exhausted&) {
            const auto now = resource_.stats();
            if (now.limit_bytes == 0 || now.limit_bytes - now.limited_bytes >= one.bytes) {
                fault_ = "a block was refused although there was room for it";
            }
        }
        if (blocks_.size() != had) {
            fault_ = "a block came of a refusal";
        }
    }

    checking_upstream& upstream_;
    Resource resource_;
    live_blocks<Resource> blocks_;
    std::string fault_;
};

/// What a walk through all sequences has met.
struct walk {
    std::size_t runs = 0;
    std::size_t refusals = 0; ///< runs in which the upstream refused
    std::string fault;
};

/// Applies the sequence until a step does not apply, whose place it returns, or something is wrong.
template <class Resource>
std::size_t run_sequence(const std::vector<std::size_t>& sequence,
                         int refuse_at,
                         checking_upstream& upstream,
                         checked_run<Resource>& run,
                         walk& all) {
    std::size_t done = 0;
    upstream.refuse_after(refuse_at);
    while (done < sequence.size() && run.fault().empty() && run.apply(sequence[done])) {
        ++done;
    }
    ++all.runs;
    all.refusals += upstream.last_refused() >= 0 ? 1U : 0U;
    upstream.relent();
    run.finish();
    all.fault = run.fault();
    for (std::size_t i = 0; !all.fault.empty() && i < done; ++i) {
        all.fault += (i == 0 ? " after " : " ") + std::to_string(sequence[i]);
    }
    return done;
}

/// Runs every sequence of `length` operations without a refusal, then with one at each of so many calls.
/// `run(sequence, refuse_at, all)` says how many operations applied.
template <class Run>
walk enumerate(std::size_t length, int refusals, Run run) {
    std::vector<std::size_t> sequence(length);
    walk all;
    while (true) {
        // The digit that is counted up next. Whether a step applies depends on the refusals: what one run
        // cannot do another may.
        std::size_t turn = 0;
        for (int refuse_at = -1; refuse_at < refusals; ++refuse_at) {
            constexpr int never = 1'000'000;
            const std::size_t done = run(sequence, refuse_at < 0 ? never : refuse_at, all);
            if (!all.fault.empty()) {
                return all;
            }
            turn = std::max(turn, std::min(done, length - 1));
        }
        std::fill(sequence.begin() + static_cast<std::ptrdiff_t>(turn) + 1, sequence.end(), 0);
        while (++sequence[turn] == operations) {
            sequence[turn] = 0;
            if (turn == 0) {
                return all;
            }
            --turn;
        }
    }
}

/// Each sequence on a resource of its own, so that pools are made on the way.
template <class Resource>
walk enumerate_on_new_ones(std::size_t length, int refusals) {
    return enumerate(length, refusals, [](const auto& sequence, int refuse_at, walk& all) {
        checking_upstream upstream;
        std::size_t done = 0;
        {
            checked_run<Resource> run(upstream, 0);
            done = run_sequence(sequence, refuse_at, upstream, run, all);
        }
        if (all.fault.empty() && upstream.bytes() != 0) {
            all.fault = "destruction has kept something";
        }
        return done;
    });
}

/// All sequences on one resource: more of them in the same time.
template <class Resource>
walk enumerate_on_one(std::size_t length, int refusals, std::size_t limit) {
    checking_upstream upstream;
    checked_run<Resource> run(upstream, limit);
    return enumerate(length, refusals, [&](const auto& sequence, int refuse_at, walk& all) {
        return run_sequence(sequence, refuse_at, upstream, run, all);
    });
}

} // namespace

TEST_CASE_TEMPLATE("every short sequence with a refusal at every call leaves a new resource sound",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    const walk all = enumerate_on_new_ones<Resource>(effort(3U, 2U, 2U), 4);
    CHECK(all.fault == "");
    CHECK(all.runs > 50);
    CHECK(all.refusals > 20);
}

TEST_CASE_TEMPLATE("every sequence with a refusal at every call leaves a resource sound",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    const walk all = enumerate_on_one<Resource>(effort(4U, 3U, 3U), 3, 0);
    CHECK(all.fault == "");
    CHECK(all.runs > 200);
    CHECK(all.refusals > 100);
}

TEST_CASE_TEMPLATE("every sequence at a limit leaves a resource sound",
                   Resource,
                   pool_resource,
                   concurrent_pool_resource) {
    // Room for a page and an unpooled block, or for a chunk of two pages and some small blocks.
    const walk all = enumerate_on_one<Resource>(effort(4U, 3U, 3U), 1, 9'200);
    CHECK(all.fault == "");
    CHECK(all.runs > 200);
}
