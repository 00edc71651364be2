// SPDX-License-Identifier: MIT
/// \file
/// A claim against an adversary that acts between any two of its steps: who loses word after word is
/// granted one, and no grant is lost; and how many steps calls take.

#include "millpond/millpond.hpp"
#include "millpond/pool/atomic_occupancy.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

#include "interleave.hpp"
#include "sound.hpp"
#include <doctest/doctest.h>

using millpond::detail::atomic_occupancy;
using millpond::detail::occupancy_shape;
using millpond::test::act_at_each_step;
using millpond::test::steps_made;

namespace {

constexpr std::uint32_t words = 130; // three levels
constexpr std::uint64_t whole = ~std::uint64_t{0};

/// One occupancy for two: the one whose steps are counted, and the adversary, who holds all words but one.
class duel {
public:
    duel() {
        bits().rebuild([](std::uint32_t) { return whole; });
        for (std::uint32_t i = 0; i + 1 < words; ++i) {
            held_.push_back(bits().claim(64));
        }
    }

    /// Claims whatever is free, then gives back another word: the other one finds it, and loses it.
    void steal() { steal_as(&adversary_); }

    /// The same without a look at who asks.
    void steal_from_who_asks() { steal_as(nullptr); }

    void return_one() {
        bits().give_back(held_.front().word, held_.front().mask);
        held_.pop_front();
    }

    void steal_as(atomic_occupancy::helper* adversary) {
        ++steals_;
        const auto found = bits().claim(64, adversary);
        if (found.mask != 0) {
            held_.push_back(found);
        }
        was_granted_ = was_granted_ || asks_[0] > 1;
        return_one();
    }

    millpond::detail::claimed_word claim(bool helped) {
        return bits().claim(64, helped ? &victim_ : nullptr);
    }

    [[nodiscard]] bool is_asking() const { return asks_[0] == 1; }

    [[nodiscard]] bool was_granted() const { return was_granted_; }

    [[nodiscard]] std::uint32_t steals() const { return steals_; }

    /// Every block is free, the adversary's, or in `mine`; none is out of sight.
    void check_nothing_lost(const millpond::detail::claimed_word& mine) {
        auto blocks = static_cast<std::uint32_t>(std::popcount(mine.mask));
        for (const auto& one : held_) {
            blocks += static_cast<std::uint32_t>(std::popcount(one.mask));
        }
        for (std::uint32_t i = 0; i < words; ++i) {
            blocks += static_cast<std::uint32_t>(std::popcount(bits().free_in(i)));
        }
        CHECK(blocks == words * 64);
        CHECK(bits().first_hidden() == millpond::detail::occupancy::none);
        CHECK(asks_[0] == 0);
    }

private:
    atomic_occupancy bits() { return {memory_.data(), shape_, words * 64, windows_}; }

    occupancy_shape shape_ = occupancy_shape::of(words * 64);
    std::vector<std::uint64_t> memory_ = std::vector<std::uint64_t>(shape_.words);
    atomic_occupancy::window_counts windows_;
    std::array<std::uint64_t, 2> asks_{};
    atomic_occupancy::helper victim_{asks_.data(), 2, 0, 0, 0, false};
    atomic_occupancy::helper adversary_{asks_.data(), 2, 1, 1, 24, false};
    std::deque<millpond::detail::claimed_word> held_;
    std::uint32_t steals_ = 0;
    bool was_granted_ = false;
};

/// Steals at each step, at most so often.
struct thief {
    duel& all;
    std::uint32_t most;

    static void act(void* context) {
        auto& self = *static_cast<thief*>(context);
        if (self.all.steals() < self.most) {
            self.all.steal();
        }
    }
};

} // namespace

TEST_CASE("a thread that loses every word to another is granted one") {
    duel all;
    thief other{all, 100'000};
    act_at_each_step(thief::act, &other);
    const auto mine = all.claim(true);
    act_at_each_step(nullptr, nullptr);
    CHECK(mine.mask != 0);
    CHECK(all.was_granted());
    CHECK(all.steals() < 1'000); // control: the next case
    all.check_nothing_lost(mine);
}

TEST_CASE("without help the same thread loses for as long as the other goes on") {
    duel all;
    thief other{all, 100'000};
    act_at_each_step(thief::act, &other);
    const auto mine = all.claim(false);
    act_at_each_step(nullptr, nullptr);
    CHECK(mine.mask != 0);
    CHECK(all.steals() == 100'000);
    all.check_nothing_lost(mine);
}

TEST_CASE("a grant that comes at any step is taken, or shown to all if it is not needed") {
    struct late_grant {
        duel& all;
        std::uint32_t wait;
        bool steals_meanwhile;
        bool granted = false;

        static void act(void* context) {
            auto& self = *static_cast<late_grant*>(context);
            if (self.granted) {
                return;
            }
            if (!self.all.is_asking()) {
                self.all.steal();
            } else if (self.wait-- == 0) {
                self.granted = true;
                self.all.return_one(); // two words: one for whoever asks, one that is just there
                self.all.steal();
                self.all.steal(); // every second look is at the other's place
            } else if (self.steals_meanwhile) {
                self.all.steal_from_who_asks();
            }
        }
    };

    std::uint32_t grants = 0;
    for (std::uint32_t step = 0; step < 120; ++step) {
        duel all;
        late_grant other{all, step / 2, step % 2 != 0};
        act_at_each_step(late_grant::act, &other);
        const auto mine = all.claim(true);
        act_at_each_step(nullptr, nullptr);
        CHECK(mine.mask != 0);
        grants += all.was_granted() ? 1U : 0U;
        all.check_nothing_lost(mine);
    }
    CHECK(grants >= 5);
}

TEST_CASE(
    "a free takes at most eleven atomic steps, and an allocation ends, whatever eight threads do") {
    constexpr std::size_t threads = 8;
    constexpr std::size_t capacity = 20'000; // three levels
    millpond::concurrent_block_pool pool(
        {.block_bytes = 16, .capacity = capacity, .threads = threads});
    std::uint64_t longest_allocation = 0;
    std::uint64_t longest_free = 0;
    std::mutex lock;
    std::vector<std::jthread> crew;
    for (std::size_t self = 0; self < threads; ++self) {
        crew.emplace_back([&, self] {
            millpond::test::yield_at_random(self + 1, 16);
            std::uint64_t allocation = 0;
            std::uint64_t free = 0;
            std::vector<void*> mine;
            for (int round = 0; round < 10; ++round) {
                while (mine.size() < capacity / threads * 3 / 4) {
                    const std::uint64_t before = steps_made();
                    mine.push_back(pool.allocate());
                    allocation = std::max(allocation, steps_made() - before);
                }
                std::reverse(mine.begin(), mine.begin() + round);
                while (mine.size() > capacity / threads / 8) {
                    const std::uint64_t before = steps_made();
                    pool.deallocate(mine.back());
                    free = std::max(free, steps_made() - before);
                    mine.pop_back();
                }
            }
            for (void* const block : mine) {
                pool.deallocate(block);
            }
            const std::lock_guard guard(lock);
            longest_allocation = std::max(longest_allocation, allocation);
            longest_free = std::max(longest_free, free);
        });
    }
    crew.clear();
    MESSAGE("longest allocation ", longest_allocation, ", longest free ", longest_free);
    // State twice, the word, two levels looked at and written, two counts looked at and one written,
    // waiters.
    CHECK(longest_free <= 11);
    CHECK(longest_free > 3);
    CHECK(longest_allocation > 3);
    CHECK_SOUND(pool);
}
