// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Histories that bring a concurrent pool to the states in which a call has the most to do, and the
/// measured calls there. Other threads have done their part before; none works at the same time.

#include "millpond/millpond.hpp"

#include <array>
#include <cstddef>
#include <cstdlib>
#include <random>
#include <span>
#include <thread>
#include <utility>
#include <vector>

#include "shared_forms.hpp"
#include "tracer.hpp"

namespace millpond::guarantees {

/// Five levels of summary; more than 2^30 blocks have one more.
inline constexpr std::size_t five_levels = std::size_t{64 * 64} * 64 * 64 + 1;

/// Four levels.
inline constexpr std::size_t four_levels = std::size_t{64 * 64} * 64 + 1;

/// Threads that keep blocks in these pools.
inline constexpr std::size_t seats = 4;

/// The operations' names in the result.
struct shared_names {
    const char* try_take;
    const char* take;
    const char* give;
};

/// Runs scenarios on one way to call a pool, all of whose blocks are free and nobody's yet.
template <class Form>
class shared_scenarios {
public:
    shared_scenarios(Form& form, std::size_t capacity, const shared_names& called)
        : form_(form)
        , names_(called)
        , kept_(detail::cache_limits::of("", capacity, sizeof(payload), seats).kept) {}

    /// Leaves every block live.
    void run() {
        take_measured("blocks of a word that was never touched", 130, true);
        while (take() != nullptr) {
        }
        announce(names_.try_take, "the pool is full");
        for (int i = 0; i < 3; ++i) {
            (void)measured_try_take();
        }
        give_and_take_own();
        evict_through_every_level();
        claim_through_every_level(true);
        claim_through_every_level(false);
        evict_word_after_word();
        random_mix();
        free_what_another_thread_allocated();
    }

private:
    /// A block by its place in the pool.
    [[nodiscard]] void* at(std::size_t index) const {
        return static_cast<std::byte*>(first_) + index * sizeof(payload);
    }

    /// Blocks of which no two neighbours lie in one word.
    [[nodiscard]] void* spread(std::size_t index) const { return at(index * 65); }

    void* take() {
        void* const block = form_.try_take();
        form_.keep();
        first_ = first_ == nullptr ? block : first_;
        return block;
    }

    void give(void* block) { form_.give(form_.handle_of(block)); }

    void* measured_try_take() {
        mark();
        void* const block = form_.try_take();
        mark();
        form_.keep();
        first_ = first_ == nullptr ? block : first_;
        return block;
    }

    void* measured_take() {
        mark();
        void* const block = form_.take();
        mark();
        form_.keep();
        return block;
    }

    void measured_give(void* block) {
        const auto handle = form_.handle_of(block);
        mark();
        form_.give(handle);
        mark();
    }

    void take_measured(const char* where, int count, bool trying) {
        announce(trying ? names_.try_take : names_.take, where);
        for (int i = 0; i < count; ++i) {
            (void)(trying ? measured_try_take() : measured_take());
        }
    }

    /// Nothing but the thread's magazine is used.
    void give_and_take_own() {
        for (const bool trying : {true, false}) {
            announce(names_.give, "the thread keeps the block");
            for (std::size_t i = 0; i < 20; ++i) {
                measured_give(spread(i));
            }
            take_measured("the thread kept a block", 20, trying);
        }
    }

    /// Frees of a thread that keeps as much as it may: each goes to a word, and that one
    /// makes the word of the one before it free.
    void evict_through_every_level() {
        for (std::size_t i = 0; i < kept_ + 1; ++i) {
            give(spread(i));
        }
        announce(names_.give,
                 "as many are kept as may be, another word is gathered, every level is empty");
        for (std::size_t i = kept_ + 1; i < kept_ + 5; ++i) {
            measured_give(spread(i));
        }
        take_all_again(true);
    }

    /// The thread has no block, and the only free one is found from the root down.
    void claim_through_every_level(bool trying) {
        for (std::size_t i = 0; i < kept_ + 2; ++i) {
            give(spread(i));
        }
        for (std::size_t i = 0; i < kept_; ++i) {
            (void)take();
        }
        take_measured("the word that the thread gathered", 1, trying);
        take_measured(
            "the only free block lies in the occupancy, every level becomes empty", 1, trying);
        if (take() != nullptr) {
            std::abort();
        }
    }

    /// As many words as an eviction each, and then as many claims.
    void evict_word_after_word() {
        constexpr std::size_t words = 300;
        for (std::size_t i = 0; i < kept_ + 1; ++i) {
            give(spread(i));
        }
        announce(names_.give, "as many are kept as may be, another word is gathered");
        for (std::size_t i = kept_ + 1; i < kept_ + words; ++i) {
            measured_give(spread(i));
        }
        for (std::size_t i = 0; i < kept_; ++i) {
            (void)take();
        }
        announce(names_.try_take, "words with a block each");
        while (measured_try_take() != nullptr) {
        }
    }

    void random_mix() {
        std::mt19937 random(1);
        std::vector<void*> free;
        std::vector<void*> live;
        for (std::size_t i = 0; i < 3000; ++i) {
            live.push_back(at(i));
        }
        for (int step = 0; step < 1500; ++step) {
            const bool shrinking = step / 500 % 2 == 0;
            if (random() % 4 != 0 ? shrinking : !shrinking) {
                std::swap(live[random() % live.size()], live.back());
                announce(names_.give, "at random");
                measured_give(live.back());
                live.pop_back();
            } else {
                announce(names_.try_take, "at random");
                if (void* const block = measured_try_take(); block != nullptr) {
                    live.push_back(block);
                }
            }
        }
        take_all_again(false);
    }

    /// Blocks that were handed out elsewhere, freed here.
    void free_what_another_thread_allocated() {
        give(at(5));
        give(at(700));
        std::vector<void*> theirs;
        // What this thread kept is its own: it ends up with the other one by way of the words.
        for (std::size_t i = 0; i < kept_ + 70; ++i) {
            give(at(1000 + i));
        }
        std::thread([&] {
            while (void* const block = take()) {
                theirs.push_back(block);
            }
        }).join();
        if (theirs.empty()) {
            std::abort();
        }
        announce(names_.give, "another thread allocated the block");
        for (void* const block : theirs) {
            measured_give(block);
        }
        take_all_again(false);
    }

    void take_all_again(bool measured) {
        announce(names_.try_take, "words with a few blocks");
        while ((measured ? measured_try_take() : take()) != nullptr) {
        }
    }

    Form& form_;
    shared_names names_;
    std::size_t kept_;
    void* first_ = nullptr;
};

/// What only raw pools have: the form for signal handlers, bulk calls, reservations. Every block of
/// the pool is live at the beginning and at the end, and `first` is its lowest.
class raw_scenarios {
public:
    raw_scenarios(shared_raw& pool, void* first)
        : pool_(pool)
        , direct_{pool}
        , first_(static_cast<std::byte*>(first)) {}

    void run() {
        direct_calls();
        calls_after_words_ran_empty();
        reservations();
        bulk_of_64();
    }

private:
    [[nodiscard]] void* at(std::size_t index) const { return first_ + index * sizeof(payload); }

    void measured_direct_give(void* block) {
        mark();
        direct_.give(block);
        mark();
    }

    void measured_direct_take(bool has_one) {
        mark();
        void* const block = direct_.try_take();
        mark();
        if ((block != nullptr) != has_one) {
            std::abort();
        }
    }

    void direct_calls() {
        for (const std::size_t index : {std::size_t{5}, std::size_t{77}, five_levels - 3}) {
            announce("concurrent_block_pool::try_allocate_direct", "the pool is full");
            measured_direct_take(false);
            announce("concurrent_block_pool::deallocate_direct", "every level is empty");
            measured_direct_give(at(index));
            announce("concurrent_block_pool::try_allocate_direct",
                     "the only free block, every level becomes empty");
            measured_direct_take(true);
        }
    }

    /// Each call takes the last block of its word, and the words lie lower and lower.
    void calls_after_words_ran_empty() {
        empty_words();
        measured_direct_take(false);
        empty_words();
        raw_form<shared_raw> form{pool_};
        announce("concurrent_block_pool::try_allocate", where_empty);
        mark();
        void* const block = form.try_take();
        mark();
        if (block != nullptr) {
            std::abort();
        }
    }

    void empty_words() {
        for (std::size_t word = words_emptied; word-- > 0;) {
            announce("concurrent_block_pool::deallocate_direct", where_empty);
            measured_direct_give(at(word * 64));
            announce("concurrent_block_pool::try_allocate_direct", where_empty);
            measured_direct_take(true);
        }
    }

    [[gnu::noinline]] static void* take_reserved(shared_raw::reservation& tokens) {
        return tokens.try_allocate();
    }

    void reservations() {
        for (std::size_t word = words_emptied; word-- > 0;) {
            take_reserved_from(word);
        }
        take_reserved_from(words_emptied);
    }

    /// The only block that is set aside, in one word after another.
    void take_reserved_from(std::size_t word) {
        direct_.give(at(word * 64));
        auto tokens = pool_.reserve_tokens(1);
        announce("concurrent_block_pool::reservation::try_allocate", where_empty);
        mark();
        void* const block = take_reserved(tokens);
        mark();
        if (block != at(word * 64)) {
            std::abort();
        }
        announce("concurrent_block_pool::reservation::try_allocate", "nothing is left");
        mark();
        (void)take_reserved(tokens);
        mark();
    }

    [[gnu::noinline]] static std::size_t take_bulk(shared_raw& pool, void** blocks) {
        return pool.try_allocate_bulk(std::span(blocks, 64));
    }

    [[gnu::noinline]] static void give_bulk(shared_raw& pool, void* const* blocks) {
        pool.deallocate_bulk(std::span(blocks, 64));
    }

    void bulk_of_64() {
        // Neighbours; words side by side; words each of which is alone below its summary.
        for (const std::size_t distance : {1U, 65U, 64U * 65U}) {
            std::array<void*, 64> blocks{};
            for (std::size_t i = 0; i < blocks.size(); ++i) {
                blocks[i] = at(i * distance);
            }
            announce("concurrent_block_pool::deallocate_bulk of 64",
                     distance == 1    ? "64 neighbours"
                     : distance == 65 ? "64 words side by side"
                                      : "64 words, each alone below its summary word");
            mark();
            give_bulk(pool_, blocks.data());
            mark();
            announce("concurrent_block_pool::try_allocate_bulk of 64",
                     distance == 1    ? "64 neighbours"
                     : distance == 65 ? "64 words side by side"
                                      : "64 words, each alone below its summary word");
            mark();
            const std::size_t taken = take_bulk(pool_, blocks.data());
            mark();
            if (taken != blocks.size()) {
                std::abort();
            }
        }
    }

    static constexpr std::size_t words_emptied = 64;
    static constexpr const char* where_empty = "64 words ran empty before, block by block";

    shared_raw& pool_;
    direct_form direct_;
    std::byte* first_;
};

} // namespace millpond::guarantees
