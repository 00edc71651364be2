// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Histories that bring a pool to the states in which a call has the most to do, and the measured
/// calls there.
///
/// The worst an allocation can meet: nothing in the magazine or the current line, and a single line
/// with a free block: it is found from the root down, every level becomes empty, and the positions of
/// all its blocks are compared. The worst a free can meet: a full magazine, and no line with a free
/// block: every level is marked.

#include "millpond/millpond.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <random>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "tracer.hpp"

namespace millpond::guarantees {

/// 48 bytes: a stride that is no power of two divides with a multiplication.
struct payload {
    std::array<std::uint64_t, 6> words;
};

using raw_pool = block_pool;
using typed = object_pool<payload>;
/// Three levels of lines.
using static_raw = static_block_pool<sizeof(payload), 262'145>;
using static_typed = static_object_pool<payload, 262'145>;
static_assert(detail::magazine_places_for(262'145, sizeof(payload)) == detail::magazine_places);

/// As many levels of lines as a pool can have.
inline constexpr std::size_t most_levels = std::size_t{64 * 64 * 64} * 64 * 64 + 1;
static_assert(detail::occupancy_shape::of(most_levels / 64 + 1).levels ==
              detail::occupancy_shape::of(detail::index_limit / 64 + 1).levels);

/// One pool's operations as functions that are not inlined, and their names.
template <class Pool>
struct operations {
    static constexpr bool raw = requires(Pool & pool) { pool.try_allocate(); };
    using object = std::conditional_t<raw, void, payload>;

    [[gnu::noinline]] static object* try_take(Pool& pool) {
        if constexpr (raw) {
            return pool.try_allocate();
        } else {
            return pool.try_create();
        }
    }

    [[gnu::noinline]] static object* take(Pool& pool) {
        if constexpr (raw) {
            return pool.allocate();
        } else {
            return pool.create();
        }
    }

    [[gnu::noinline]] static void give(Pool& pool, object* block) {
        if constexpr (raw) {
            pool.deallocate(block);
        } else {
            pool.destroy(block);
        }
    }

    [[gnu::noinline]] static std::size_t take_bulk(Pool& pool, void** blocks, std::size_t count) {
        return pool.try_allocate_bulk(std::span(blocks, count));
    }

    [[gnu::noinline]] static void give_bulk(Pool& pool, void* const* blocks, std::size_t count) {
        pool.deallocate_bulk(std::span(blocks, count));
    }
};

/// Runs scenarios on one kind of pool; `names` are the operations' names in the result.
template <class Pool>
class scenarios {
    using ops = operations<Pool>;
    using object = typename ops::object;

public:
    struct names {
        const char* try_take;
        const char* take;
        const char* give;
        const char* take_bulk;
        const char* give_bulk;
    };

    scenarios(Pool& pool, const names& called)
        : pool_(pool)
        , names_(called) {}

    /// Everything that does not need bulk calls. At least 3,000 blocks.
    void single_calls() {
        take_fresh("a new peak, from fresh blocks", 130);
        give_back("the magazine has room", 20);
        take_again("the magazine has blocks", 20);
        empty();
        claim_through_every_level();
        free_through_every_level();
        lines();
        random_mix();
        empty();
    }

    /// The pool has no block left and cannot grow.
    void exhausted() {
        while (ops::try_take(pool_) != nullptr) {
        }
        announce(names_.try_take, "the pool is full");
        for (int i = 0; i < 3; ++i) {
            (void)measured_try_take();
        }
        pool_.clear();
    }

    /// An allocation of the only free block, which lies in a line.
    void claim_through_every_level() {
        for (const bool trying : {true, false}) {
            fill(whole_lines); // so that none is being handed out
            for (std::size_t i = 0; i < magazine + 1; ++i) {
                ops::give(pool_, held_[i]); // the last one beyond the magazine
            }
            for (std::size_t i = 0; i < magazine; ++i) {
                (void)ops::try_take(pool_);
            }
            announce(trying ? names_.try_take : names_.take,
                     "the only free block lies in a line, every level becomes empty");
            (void)(trying ? measured_try_take() : measured_take());
            empty();
        }
    }

    /// A free beyond the magazine while no line has a free block.
    void free_through_every_level() {
        fill(whole_lines);
        for (std::size_t i = 0; i < magazine; ++i) {
            ops::give(pool_, held_[i]);
        }
        announce(names_.give, "the magazine is full, no line has a free block");
        for (std::size_t i = magazine; i < magazine + 4; ++i) {
            measured_give(held_[i]);
        }
        empty();
    }

    /// 64 blocks at once, from and to lines that lie `stride` lines apart.
    void bulk_of_64(std::size_t stride, const char* where) {
        std::array<void*, 64> blocks{};
        std::array<void*, 64> word{};
        std::array<void*, 64> same_word{};
        const std::size_t words = stride * 64;
        for (std::size_t i = 0; i < words; ++i) {
            (void)pool_.try_allocate_bulk(word);
            if (i % stride == 0) {
                blocks[i / stride] = word[7];
            }
            same_word = word;
        }
        for (int round = 0; round < 2; ++round) {
            announce(names_.give_bulk, where);
            measured_bulk_give(blocks);
            announce(names_.take_bulk, where);
            measured_bulk_take(blocks);
            announce(names_.give_bulk, "64 neighbours");
            measured_bulk_give(same_word);
            announce(names_.take_bulk, "64 neighbours");
            measured_bulk_take(same_word);
        }
        for (void* const block : blocks) {
            give_quietly(block);
        }
        announce(names_.take_bulk, "the magazine");
        measured_bulk_take(blocks);
        pool_.clear();
    }

private:
    static constexpr std::size_t magazine = detail::magazine_places;
    static constexpr std::size_t whole_lines = 1152; ///< blocks, more than the magazine holds
    static_assert(whole_lines % 64 == 0 && whole_lines > magazine + 4);

    void fill(std::size_t blocks) {
        while (held_.size() < blocks) {
            held_.push_back(ops::try_take(pool_));
        }
    }

    void empty() {
        pool_.clear();
        held_.clear();
    }

    object* measured_try_take() {
        mark();
        object* const block = ops::try_take(pool_);
        mark();
        return block;
    }

    object* measured_take() {
        mark();
        object* const block = ops::take(pool_);
        mark();
        return block;
    }

    void measured_give(object* block) {
        mark();
        ops::give(pool_, block);
        mark();
    }

    void measured_bulk_take(std::array<void*, 64>& out) {
        mark();
        const std::size_t taken = ops::take_bulk(pool_, out.data(), out.size());
        mark();
        if (taken != out.size()) {
            std::abort();
        }
    }

    void measured_bulk_give(const std::array<void*, 64>& blocks) {
        mark();
        ops::give_bulk(pool_, blocks.data(), blocks.size());
        mark();
    }

    void give_quietly(void* block) { ops::give(pool_, static_cast<object*>(block)); }

    void take_fresh(const char* scenario, int count) {
        for (int i = 0; i < count; ++i) {
            announce(i % 2 == 0 ? names_.try_take : names_.take, scenario);
            held_.push_back(i % 2 == 0 ? measured_try_take() : measured_take());
        }
    }

    void take_again(const char* scenario, int count) { take_fresh(scenario, count); }

    void give_back(const char* scenario, int count) {
        announce(names_.give, scenario);
        for (int i = 0; i < count; ++i) {
            measured_give(held_.back());
            held_.pop_back();
        }
    }

    /// Fills the magazine with blocks whose neighbours in age lie in different lines, then frees on:
    /// each free is of another line than the one before.
    void lines() {
        std::vector<object*> all = std::exchange(held_, {});
        while (all.size() < 2600) {
            all.push_back(ops::try_take(pool_));
        }
        std::vector<object*> spread;
        for (std::size_t offset = 0; offset < 65; ++offset) {
            for (std::size_t i = offset; i < all.size(); i += 65) {
                spread.push_back(all[i]);
            }
        }
        const std::size_t quiet = spread.size() - 300;
        for (std::size_t i = 0; i < quiet; ++i) {
            ops::give(pool_, spread[i]);
        }
        announce(names_.give, "the magazine is full, each block of another line");
        for (std::size_t i = quiet; i < spread.size(); ++i) {
            measured_give(spread[i]);
        }
        // Everything is free now: behind the magazine come sparse and full lines.
        for (std::size_t i = 0; i < magazine; ++i) {
            held_.push_back(ops::try_take(pool_));
        }
        take_fresh("blocks come from lines", 300);
        for (object* const block : held_) {
            ops::give(pool_, block);
        }
        held_.clear();
        pool_.clear();
    }

    void random_mix() {
        std::mt19937 random(1);
        std::vector<object*> live;
        for (int step = 0; step < 3000; ++step) {
            const bool growing = step / 500 % 2 == 0;
            if (random() % 4 != 0 ? growing : !growing) {
                announce(names_.try_take, "at random");
                live.push_back(measured_try_take());
            } else if (!live.empty()) {
                std::swap(live[random() % live.size()], live.back());
                announce(names_.give, "at random");
                measured_give(live.back());
                live.pop_back();
            }
        }
    }

    Pool& pool_;
    names names_;
    std::vector<object*> held_;
};

} // namespace millpond::guarantees
