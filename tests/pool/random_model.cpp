// SPDX-License-Identifier: MIT
/// \file
/// Long random runs on pools of random shape, against a map: every byte is either a live block's or
/// free, nothing overlaps, and what was written stays.

#include "millpond/pool/block_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <iterator>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "sound.hpp"
#include "support/sanitized.hpp"
#include <doctest/doctest.h>

namespace {

/// One pool of random shape and its model.
class random_run {
public:
    explicit random_run(std::uint64_t seed)
        : random_(seed)
        , options_(draw()) {
        if (options_.memory.source == millpond::memory_source::buffer) {
            buffer_.resize(millpond::block_pool::buffer_bytes(options_) + below(64));
            options_.memory.buffer = buffer_;
        }
        pool_.emplace(options_);
    }

    /// What went wrong in so many steps; empty when nothing did.
    std::string run(int steps) {
        for (int step = 0; step < steps && fault_.empty(); ++step) {
            if (below(200) == 0) {
                target_ = below(pool_->stats().max_capacity + 1);
            }
            if (below(1000) == 0) {
                seldom();
            } else if (below(30) == 0) {
                bulk();
            } else if (below(target_ + live_.size() + 1) < target_) {
                take(pool_->try_allocate());
            } else {
                give_one();
            }
            check(below(step < 100 ? 1 : 200) == 0);
        }
        check(true);
        for (const auto& entry : live_) {
            check_contents(entry.first);
        }
        pool_->clear();
        return fault_;
    }

private:
    std::size_t below(std::size_t limit) { return random_() % limit; }

    millpond::block_pool_options draw() {
        const std::size_t capacity = 1 + below(std::size_t{1} << (1 + below(14)));
        return {.name = "random",
                .block_bytes = 1 + below(std::size_t{1} << (1 + below(9))),
                .block_alignment = below(3) == 0 ? std::size_t{1} << below(8) : 0,
                .capacity = capacity,
                .max_capacity = below(2) == 0 ? 0 : capacity + below(10'000),
                .prefault = below(4) == 0,
                .memory = {.source = static_cast<millpond::memory_source>(below(3)),
                           .guard_pages = below(2) == 0}};
    }

    void take(void* address) {
        auto* const block = static_cast<unsigned char*>(address);
        if (block == nullptr) {
            if (live_.size() != pool_->stats().max_capacity) {
                fault_ = "a block was refused before the pool was full";
            }
            return;
        }
        if (reinterpret_cast<std::uintptr_t>(block) % pool_->block_alignment() != 0) {
            fault_ = "a block is not aligned";
        }
        const auto after = live_.lower_bound(block);
        if ((after != live_.end() && block + pool_->block_bytes() > after->first) ||
            (after != live_.begin() && std::prev(after)->first + pool_->block_bytes() > block)) {
            fault_ = "two live blocks overlap";
        }
        const auto value = static_cast<unsigned char>(random_());
        std::memset(block, value, options_.block_bytes);
        live_.emplace(block, value);
        peak_ = std::max(peak_, live_.size());
    }

    void check_contents(const unsigned char* block) {
        const unsigned char value = live_.at(const_cast<unsigned char*>(block));
        if (!std::all_of(block, block + options_.block_bytes, [&](auto b) { return b == value; })) {
            fault_ = "a live block was written to";
        }
    }

    std::map<unsigned char*, unsigned char>::iterator any() {
        return std::next(
            live_.begin(),
            static_cast<std::ptrdiff_t>(below(std::min<std::size_t>(live_.size(), 99))));
    }

    void give_one() {
        if (live_.empty()) {
            return;
        }
        const auto victim = any();
        check_contents(victim->first);
        pool_->deallocate(victim->first);
        live_.erase(victim);
    }

    void bulk() {
        std::vector<void*> batch(below(150));
        if (below(2) == 0) {
            batch.resize(pool_->try_allocate_bulk(batch));
            std::for_each(batch.begin(), batch.end(), [&](void* block) { take(block); });
            return;
        }
        auto from = live_.begin();
        batch.clear();
        while (from != live_.end() && batch.size() < 150) {
            if (below(2) == 0) {
                check_contents(from->first);
                batch.push_back(from->first);
                from = live_.erase(from);
            } else {
                ++from;
            }
        }
        std::shuffle(batch.begin(), batch.end(), random_);
        pool_->deallocate_bulk(batch);
    }

    void seldom() {
        switch (below(4)) {
        case 0:
            pool_->clear();
            live_.clear();
            break;
        case 1:
            (void)pool_->shrink();
            break;
        case 2:
            pool_->reserve(below(pool_->stats().max_capacity + 1));
            break;
        default:
            millpond::block_pool moved(std::move(*pool_));
            *pool_ = std::move(moved);
        }
    }

    void check(bool whole) {
        if (pool_->size() != live_.size() || pool_->high_water() != peak_) {
            fault_ = "size or high water differ from the model";
        }
        if (whole && fault_.empty()) {
            fault_ = millpond::test::fault_of(*pool_);
        }
    }

    std::mt19937_64 random_;
    millpond::block_pool_options options_;
    std::vector<std::byte> buffer_;
    std::optional<millpond::block_pool> pool_;
    std::map<unsigned char*, unsigned char> live_;
    std::size_t peak_ = 0;
    std::size_t target_ = 10;
    std::string fault_;
};

} // namespace

TEST_CASE("pools of random shape agree with a map through long random runs") {
    for (int seed = 1; seed <= millpond::test::effort(150, 30, 8); ++seed) {
        CAPTURE(seed);
        REQUIRE(random_run(static_cast<std::uint64_t>(seed)).run(4000) == "");
    }
}

TEST_CASE("few pools of random shape agree with a map through very long random runs") {
    for (std::uint64_t seed = 1001; seed <= 1005; ++seed) {
        CAPTURE(seed);
        REQUIRE(random_run(seed).run(millpond::test::effort(30'000, 8000, 1000)) == "");
    }
}
