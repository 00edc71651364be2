// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Histories that bring one pool of a resource to the states in which a call has the most to do, and the
/// measured calls there.
///
/// The worst is what scenarios.hpp says of a single pool. Which blocks lie in one word is known from the
/// order in which fresh ones come: a word's 64 after each other.

#include "millpond/millpond.hpp"

#include <cstddef>
#include <cstdlib>
#include <memory_resource>
#include <random>
#include <type_traits>
#include <utility>
#include <vector>

#include "tracer.hpp"

namespace millpond::guarantees {

/// One way to call a resource, as functions that are not inlined and do not know the size.
template <class Resource>
struct sized_form {
    Resource& resource;
    std::size_t bytes;
    std::size_t alignment;

    [[gnu::noinline]] void* take() { return resource.allocate(bytes, alignment); }

    [[gnu::noinline]] void give(void* block) { resource.deallocate(block, bytes, alignment); }
};

/// How many blocks of a size are kept when they are freed, before one goes elsewhere.
template <class Resource>
std::size_t kept_blocks(std::size_t block_bytes, bool has_upstream) {
    if constexpr (std::is_same_v<Resource, pool_resource>) {
        const bool is_large = !has_upstream && block_bytes > 4096;
        return has_upstream ? detail::resource_of_one_thread::places
               : is_large   ? 1
                            : detail::span_class::deepest - detail::span_class::line_place;
    } else {
        detail::fork_lock unused;
        detail::pool_layout layout;
        layout.stride_bytes = block_bytes;
        layout.max_capacity = 1;
        return detail::concurrent_layout::growing(layout, 1, unused).limits.kept;
    }
}

/// Runs scenarios on one size, of which the resource has no block yet. `Caller` is the resource or its base.
template <class Resource, class Caller>
class resource_scenarios {
public:
    struct names {
        const char* take;
        const char* give;
    };

    resource_scenarios(Resource& resource,
                       std::size_t bytes,
                       std::size_t alignment,
                       bool has_upstream,
                       names called)
        : resource_(resource)
        , form_{resource, bytes, alignment}
        , names_(called)
        , kept_(kept_blocks<Resource>(resource.block_bytes(bytes, alignment), has_upstream)) {}

    void run() {
        take_fresh();
        give_and_take_own();
        evict_through_every_level();
        claim_through_every_level();
        evict_word_after_word();
        random_mix();
    }

    /// Takes blocks until the pool has none, so that the next one makes it grow.
    void fill(std::size_t least) {
        while (blocks_.size() < least) {
            blocks_.push_back(form_.take());
        }
        while (resource_.stats_of(form_.bytes, form_.alignment).free != 0) {
            blocks_.push_back(form_.take());
        }
    }

    void* measured_take() {
        mark();
        void* const block = form_.take();
        mark();
        return block;
    }

private:
    static constexpr std::size_t words = 20; ///< that are emptied or filled one after the other

    /// Blocks of which no two neighbours lie in one word.
    [[nodiscard]] void* spread(std::size_t index) const { return blocks_[index * 65]; }

    void measured_give(void* block) {
        mark();
        form_.give(block);
        mark();
    }

    void take_fresh() {
        // The first request makes the pool, and some make it grow; neither is measured here.
        blocks_.push_back(form_.take());
        for (std::size_t i = 0; i < 100; ++i) {
            const bool grows = resource_.stats_of(form_.bytes, form_.alignment).free == 0;
            announce(names_.take, "blocks that nobody had yet");
            blocks_.push_back(grows ? form_.take() : measured_take());
        }
        fill((kept_ + words + 5) * 65);
    }

    void give_and_take_own() {
        announce(names_.give, "the pool or the thread keeps the block");
        for (std::size_t i = 0; i < 20; ++i) {
            measured_give(spread(i));
        }
        announce(names_.take, "the pool or the thread kept a block");
        for (std::size_t i = 0; i < 20; ++i) {
            (void)measured_take();
        }
    }

    void evict_through_every_level() {
        for (std::size_t i = 0; i < kept_; ++i) {
            form_.give(spread(i));
        }
        announce(names_.give, "as many are kept as may be, nothing else is free");
        for (std::size_t i = kept_; i < kept_ + 5; ++i) {
            measured_give(spread(i));
        }
        take_quietly(kept_ + 5);
    }

    void claim_through_every_level() {
        for (std::size_t i = 0; i < kept_ + 2; ++i) {
            form_.give(spread(i));
        }
        take_quietly(kept_);
        announce(names_.take, "one of two words or lines with a free block");
        (void)measured_take();
        announce(names_.take, "the only free block, which no thread and no stack keeps");
        (void)measured_take();
    }

    /// As many words as an eviction each, and then as many claims.
    void evict_word_after_word() {
        for (std::size_t i = 0; i < kept_; ++i) {
            form_.give(spread(i));
        }
        announce(names_.give, "as many are kept as may be, word after word");
        for (std::size_t i = kept_; i < kept_ + words; ++i) {
            measured_give(spread(i));
        }
        take_quietly(kept_);
        announce(names_.take, "words with a block each");
        for (std::size_t i = 0; i < words; ++i) {
            (void)measured_take();
        }
    }

    void random_mix() {
        std::mt19937 random(1);
        std::vector<void*> live = std::exchange(blocks_, {});
        std::size_t free = 0;
        for (int step = 0; step < 200; ++step) {
            const bool shrinking = step / 50 % 2 == 0;
            if (free == 0 || (random() % 4 != 0 ? shrinking : !shrinking)) {
                std::swap(live[random() % live.size()], live.back());
                announce(names_.give, "at random");
                measured_give(live.back());
                live.pop_back();
                ++free;
            } else {
                announce(names_.take, "at random");
                live.push_back(measured_take());
                --free;
            }
        }
        for (void* const block : live) {
            form_.give(block);
        }
    }

    void take_quietly(std::size_t count) {
        for (std::size_t i = 0; i < count; ++i) {
            (void)form_.take();
        }
    }

    Resource& resource_;
    sized_form<Caller> form_;
    names names_;
    std::size_t kept_;
    std::vector<void*> blocks_; ///< in the order in which they were fresh
};

} // namespace millpond::guarantees
