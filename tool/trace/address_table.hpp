// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A map from addresses to numbers: one array, linear probing, erase by shifting back. Made for
/// millions of live blocks that come and go, where a map of single allocations would take longer
/// than everything else the reader does.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace millpond::tool {

/// Units:      keys are addresses, never 0; at most half of the places are taken.
/// Complexity: O(1) expected per operation.
/// Errors:     `std::bad_alloc` when it must grow and cannot.
/// Threads:    one thread at a time.
/// Source:     Knuth, volume 3, 6.4, algorithm R.
class address_table {
public:
    address_table()
        : places_(64) {}

    /// The number of `key`, or nullptr.
    [[nodiscard]] const std::uint64_t* find(std::uint64_t key) const noexcept {
        for (std::size_t at = home(key);; at = next(at)) {
            if (places_[at].key == key) {
                return &places_[at].value;
            }
            if (places_[at].key == 0) {
                return nullptr;
            }
        }
    }

    /// Sets the number of `key`, new or not.
    void put(std::uint64_t key, std::uint64_t value) {
        if ((size_ + 1) * 2 > places_.size()) {
            grow();
        }
        place& found = slot_of(key);
        size_ += found.key == 0 ? 1U : 0U;
        found = place{key, value};
    }

    /// Forgets `key`, which must be there.
    void erase(std::uint64_t key) noexcept {
        std::size_t hole = home(key);
        while (places_[hole].key != key) {
            hole = next(hole);
        }
        for (std::size_t at = next(hole); places_[at].key != 0; at = next(at)) {
            // An entry may move back into the hole unless its home lies behind the hole.
            const std::size_t from_home = (at - home(places_[at].key)) & (places_.size() - 1);
            const std::size_t from_hole = (at - hole) & (places_.size() - 1);
            if (from_home >= from_hole) {
                places_[hole] = places_[at];
                hole = at;
            }
        }
        places_[hole] = place{};
        size_ -= 1;
    }

    void clear() {
        places_.assign(64, place{});
        size_ = 0;
    }

    [[nodiscard]] std::size_t size() const noexcept { return size_; }

private:
    struct place {
        std::uint64_t key = 0;
        std::uint64_t value = 0;
    };

    [[nodiscard]] std::size_t home(std::uint64_t key) const noexcept {
        const auto shift = static_cast<unsigned>(std::countl_zero(places_.size() - 1));
        return static_cast<std::size_t>((key * 0x9E3779B97F4A7C15ULL) >> shift);
    }

    [[nodiscard]] std::size_t next(std::size_t at) const noexcept {
        return (at + 1) & (places_.size() - 1);
    }

    place& slot_of(std::uint64_t key) noexcept {
        std::size_t at = home(key);
        while (places_[at].key != 0 && places_[at].key != key) {
            at = next(at);
        }
        return places_[at];
    }

    void grow() {
        std::vector<place> old(places_.size() * 2);
        old.swap(places_);
        for (const place& entry : old) {
            if (entry.key != 0) {
                slot_of(entry.key) = entry;
            }
        }
    }

    std::vector<place> places_;
    std::size_t size_ = 0;
};

} // namespace millpond::tool
