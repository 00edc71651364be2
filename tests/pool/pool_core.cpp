// SPDX-License-Identifier: MIT
/// \file
/// Every short sequence of operations on a pool of three lines whose magazine has one, two or sixteen
/// places, against a model: pool/pool_core.hpp.
///
/// All blocks are live at first, and most stay so. A few *actors*, two of each line, are freed, handed out
/// again, and destroyed by a destructor that itself uses the pool. So lines become free, current and taken
/// again in every order, with the magazine empty, full and in between.

#include "millpond/pool/pool_core.hpp"

#include "millpond/pool/inline_storage.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "support/sanitized.hpp"
#include <doctest/doctest.h>

namespace {

namespace detail = millpond::detail;

constexpr std::size_t blocks = 3 * detail::word_blocks - 5; // the last line is not full
constexpr std::array<std::size_t, 6> actors{0, 63, 64, 100, 128, blocks - 1};

enum operation : std::size_t {
    allocate,
    allocate_three,
    free_all_in_bulk,
    free_one,                               ///< and as many as there are actors
    destroy_one = free_one + actors.size(), ///< its destructor allocates, frees another, and itself
    operations = destroy_one + actors.size() / 2,
};

template <std::uint32_t Places>
class checked_core {
    using storage = detail::inline_storage<16, 16, blocks, detail::position_for<Places>>;
    using core_type = detail::pool_core<storage, Places, detail::block_use::objects>;

public:
    checked_core() {
        for (void*& block : block_) {
            block = core_.try_allocate();
        }
        is_live_.fill(true);
    }

    ~checked_core() { core_.retire(); }

    checked_core(const checked_core&) = delete;
    checked_core& operator=(const checked_core&) = delete;

    /// False when the operation frees a block that is not live.
    bool apply(std::size_t step) {
        if (step == allocate) {
            take(core_.try_allocate());
        } else if (step == allocate_three) {
            std::array<void*, 3> out{};
            const std::size_t expected = std::min(out.size(), blocks - live());
            if (core_.try_allocate_bulk(out) != expected) {
                fault_ = "a bulk gave another number of blocks";
            }
            std::for_each(
                out.begin(), out.begin() + expected, [this](void* block) { take(block); });
        } else if (step == free_all_in_bulk) {
            std::vector<void*> freed;
            for (const std::size_t actor : actors) {
                if (is_live_[actor]) {
                    freed.push_back(block_[actor]);
                    is_live_[actor] = false;
                }
            }
            core_.deallocate_bulk(freed);
        } else if (step < destroy_one) {
            const std::size_t actor = actors[step - free_one];
            if (!is_live_[actor]) {
                return false;
            }
            core_.deallocate(block_[actor]);
            is_live_[actor] = false;
        } else {
            const std::size_t actor = actors[2 * (step - destroy_one)];
            if (!is_live_[actor]) {
                return false;
            }
            destroy(actor, actors[2 * (step - destroy_one) + 1]);
        }
        check();
        return true;
    }

    const std::string& fault() const { return fault_; }

private:
    std::size_t live() const {
        return static_cast<std::size_t>(std::count(is_live_.begin(), is_live_.end(), true));
    }

    void take(void* block) {
        if ((block == nullptr) != (live() == blocks)) {
            fault_ = "a block was refused or invented";
        }
        if (block == nullptr) {
            return;
        }
        const auto at = static_cast<std::size_t>(std::find(block_.begin(), block_.end(), block) -
                                                 block_.begin());
        if (at == blocks || is_live_[at]) {
            fault_ = "what was handed out is live or no block";
            return;
        }
        is_live_[at] = true;
        peak_ = std::max(peak_, live());
    }

    /// As an object pool destroys; meanwhile the block is nobody's, neither live nor free.
    void destroy(std::size_t actor, std::size_t other) {
        const std::uint64_t index = core_.accept(block_[actor]);
        if (index != actor || !core_.begin_free(index)) {
            fault_ = "a live block was not accepted";
            return;
        }
        if (core_.try_deallocate(block_[actor]) || core_.is_live_block(block_[actor])) {
            fault_ = "a block under destruction was taken for a live one";
        }
        if (is_live_[other]) {
            core_.deallocate(block_[other]);
            is_live_[other] = false;
        }
        // Everything that can be had now; the block under destruction is not among it.
        std::vector<std::size_t> taken;
        while (void* const block = core_.try_allocate()) {
            const auto at = static_cast<std::size_t>(
                std::find(block_.begin(), block_.end(), block) - block_.begin());
            if (at == blocks || is_live_[at] || at == actor) {
                fault_ = "what was handed out meanwhile is live, dying or no block";
                return;
            }
            is_live_[at] = true;
            taken.push_back(at);
        }
        if (live() != blocks) {
            fault_ = "a free block was not found";
        }
        for (const std::size_t at : taken) {
            core_.deallocate(block_[at]);
            is_live_[at] = false;
        }
        core_.put_back(block_[actor], index);
        is_live_[actor] = false;
    }

    /// Every block is accepted or refused as the model says.
    void check() {
        for (std::size_t line = 0; line < 3; ++line) {
            const std::uint64_t mask = core_.live_in(line * 64);
            for (std::size_t i = line * 64; i < std::min(blocks, line * 64 + 64); ++i) {
                if (core_.is_live_block(block_[i]) != is_live_[i] ||
                    ((mask >> (i % 64) & 1) != 0) != is_live_[i]) {
                    fault_ = "block " + std::to_string(i) + " is not what it should be";
                }
            }
        }
        for (const std::size_t actor : actors) {
            if (!is_live_[actor] && core_.try_deallocate(block_[actor])) {
                fault_ = "a block that is free was freed";
            }
        }
        if (core_.live() != live() || core_.high_water() != blocks) {
            fault_ = "size or high water differ from the model";
        }
        if (const millpond::verdict found = core_.verify(); !found) {
            fault_ = std::string(found.fault) + " at " + std::to_string(found.index);
        }
    }

    core_type core_{millpond::pool_name("model")};
    std::array<void*, blocks> block_{};
    std::array<bool, blocks> is_live_{};
    std::size_t peak_ = 0;
    std::string fault_;
};

/// Runs every sequence of `length` operations; the first fault with its sequence, or the number of them.
template <std::uint32_t Places>
std::string enumerate(std::size_t length) {
    std::vector<std::size_t> sequence(length);
    std::size_t runs = 0;
    while (true) {
        const auto model = std::make_unique<checked_core<Places>>();
        std::size_t turn = length - 1; // the digit that is counted up next
        for (std::size_t i = 0; i < length; ++i) {
            if (!model->apply(sequence[i])) {
                turn = i; // with all that begin like it
                break;
            }
            if (!model->fault().empty()) {
                std::string where;
                for (std::size_t k = 0; k <= i; ++k) {
                    where += ' ' + std::to_string(sequence[k]);
                }
                return model->fault() + " after" + where;
            }
        }
        ++runs;
        std::fill(sequence.begin() + static_cast<std::ptrdiff_t>(turn) + 1, sequence.end(), 0);
        while (++sequence[turn] == operations) {
            sequence[turn] = 0;
            if (turn == 0) {
                return std::to_string(runs) + " sequences";
            }
            --turn;
        }
    }
}

constexpr std::size_t length = millpond::test::effort<std::size_t>(5, 4, 3);

} // namespace

TEST_CASE_TEMPLATE_DEFINE(
    "no short sequence of calls loses, repeats or mistakes a block of three lines",
    Places,
    lines_in_every_order) {
    const std::string outcome = enumerate<Places::value>(length);
    CHECK(outcome.ends_with(" sequences"));
    INFO(outcome);
    CHECK(std::stoul(outcome) > 100);
}

TEST_CASE_TEMPLATE_INVOKE(lines_in_every_order,
                          std::integral_constant<std::uint32_t, 1>,
                          std::integral_constant<std::uint32_t, 2>,
                          std::integral_constant<std::uint32_t, 16>);
