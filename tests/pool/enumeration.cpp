// SPDX-License-Identifier: MIT
/// \file
/// Every short sequence of operations on pools of one, two and three blocks, against a model.
///
/// A sequence is a number in the base of the operations. One that frees a block which is not live is
/// left out, with all that begin like it.

#include "millpond/pool/block_pool.hpp"
#include "millpond/pool/static_pool.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "sound.hpp"
#include "support/sanitized.hpp"
#include <doctest/doctest.h>

namespace {

/// The length of the sequences; seven operations at most.
constexpr std::size_t effort(std::size_t full, std::size_t sanitized, std::size_t valgrind) {
    return millpond::test::effort(full, sanitized, valgrind);
}

constexpr std::size_t block_bytes = 16;

/// Operations 0 to 5; 6 and above free one block.
enum operation : std::size_t {
    allocate,
    allocate_two,
    free_all,
    clear,
    shrink,
    fail_to_allocate_four,
    free_one,
};

/// A pool and what it must look like.
template <class Pool>
class checked_pool {
public:
    explicit checked_pool(Pool& pool)
        : pool_(pool) {}

    /// False when the operation frees a block that is not live.
    bool apply(std::size_t step) {
        switch (step) {
        case allocate:
            take(pool_.try_allocate());
            break;
        case allocate_two:
            take_bulk(2);
            break;
        case fail_to_allocate_four:
            take_bulk(4);
            break;
        case free_all:
            std::for_each(live_.begin(), live_.end(), [&](void* block) { check_contents(block); });
            pool_.deallocate_bulk(live_);
            live_.clear();
            break;
        case clear:
            pool_.clear();
            live_.clear();
            break;
        case shrink:
            if constexpr (requires { pool_.shrink(); }) {
                (void)pool_.shrink();
            }
            break;
        default:
            if (step - free_one >= live_.size()) {
                return false;
            }
            check_contents(live_[step - free_one]);
            pool_.deallocate(live_[step - free_one]);
            live_.erase(live_.begin() + static_cast<std::ptrdiff_t>(step - free_one));
        }
        if (pool_.size() != live_.size() || pool_.high_water() != peak_) {
            fault_ = "size or high water differ from the model";
        }
        if (fault_.empty()) {
            fault_ = millpond::test::fault_of(pool_);
        }
        return true;
    }

    const std::string& fault() const { return fault_; }

private:
    void take(void* block) {
        if ((block == nullptr) != (live_.size() == pool_.capacity())) {
            fault_ = "a block was refused or invented";
        }
        if (block == nullptr) {
            return;
        }
        if (std::find(live_.begin(), live_.end(), block) != live_.end()) {
            fault_ = "a live block was handed out";
        }
        std::memset(
            block, static_cast<int>(reinterpret_cast<std::uintptr_t>(block) / 16 % 251), 16);
        live_.insert(std::upper_bound(live_.begin(), live_.end(), block), block);
        peak_ = std::max(peak_, live_.size());
    }

    void take_bulk(std::size_t wanted) {
        std::array<void*, 4> out{};
        const std::size_t expected = std::min(wanted, pool_.capacity() - live_.size());
        if (pool_.try_allocate_bulk(std::span(out).first(wanted)) != expected) {
            fault_ = "a bulk gave another number of blocks";
        }
        for (std::size_t i = 0; i < expected; ++i) {
            take(out[i]);
        }
    }

    void check_contents(const void* block) {
        const auto value =
            static_cast<unsigned char>(reinterpret_cast<std::uintptr_t>(block) / 16 % 251);
        const auto* const bytes = static_cast<const unsigned char*>(block);
        if (!std::all_of(bytes, bytes + block_bytes, [&](auto byte) { return byte == value; })) {
            fault_ = "a live block was written to";
        }
    }

    Pool& pool_;
    std::vector<void*> live_; // in address order, so that free_one + i is the i-th
    std::size_t peak_ = 0;
    std::string fault_;
};

/// Runs every sequence of `length` operations on a pool that `with_pool` lends; the first fault, with
/// its sequence, or the number of sequences.
template <class WithPool>
std::string enumerate(std::size_t blocks, std::size_t length, WithPool with_pool) {
    const std::size_t operations = free_one + blocks;
    std::vector<std::size_t> sequence(length);
    std::size_t runs = 0;
    std::string fault;
    for (;;) {
        std::size_t turn = length - 1; // the digit that is counted up next
        with_pool([&](auto& pool) {
            checked_pool model(pool);
            ++runs;
            for (std::size_t i = 0; i < length; ++i) {
                if (!model.apply(sequence[i])) {
                    turn = i;
                    break;
                }
                if (!model.fault().empty()) {
                    fault = model.fault() + " after";
                    for (std::size_t k = 0; k <= i; ++k) {
                        fault += ' ' + std::to_string(sequence[k]);
                    }
                    return;
                }
            }
            pool.clear();
        });
        if (!fault.empty()) {
            return fault;
        }
        std::fill(sequence.begin() + static_cast<std::ptrdiff_t>(turn) + 1, sequence.end(), 0);
        while (++sequence[turn] == operations) {
            sequence[turn] = 0;
            if (turn == 0) {
                return runs > 200 ? "" : "too few sequences";
            }
            --turn;
        }
    }
}

template <std::size_t Blocks>
std::string enumerate_static(std::size_t length) {
    return enumerate(Blocks, length, [](auto body) {
        millpond::static_block_pool<block_bytes, Blocks> pool;
        body(pool);
    });
}

std::string enumerate_in_buffer(std::size_t blocks, std::size_t length) {
    std::array<std::byte, 512> buffer{};
    return enumerate(blocks, length, [&](auto body) {
        millpond::block_pool pool(
            {.block_bytes = block_bytes,
             .capacity = blocks,
             .memory = {.source = millpond::memory_source::buffer, .buffer = buffer}});
        body(pool);
    });
}

} // namespace

TEST_CASE("every short sequence of operations leaves a static pool of one block sound") {
    CHECK(enumerate_static<1>(effort(7, 7, 5)) == "");
}

TEST_CASE("every short sequence of operations leaves a static pool of two blocks sound") {
    CHECK(enumerate_static<2>(effort(6, 6, 4)) == "");
}

TEST_CASE("every short sequence of operations leaves a static pool of three blocks sound") {
    CHECK(enumerate_static<3>(effort(6, 5, 4)) == "");
}

TEST_CASE("every short sequence of operations leaves a block pool of one to three blocks sound") {
    for (const std::size_t blocks : {1U, 2U, 3U}) {
        CHECK(enumerate_in_buffer(blocks, effort(5, 5, 4)) == "");
    }
}
