// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A heap of spans that is compared with a model after every step.

#include "millpond/pool/span_heap.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "adapt/filled.hpp"

namespace millpond::test {

/// A heap whose classes are all made, what it borrows, and a model of it.
class checked_heap {
public:
    struct block {
        std::byte* place = nullptr;
        unsigned char value = 0; ///< in every byte
    };

    /// With classes for these sizes; none stands for those that a resource has.
    explicit checked_heap(const std::vector<std::size_t>& sizes, std::size_t limit = 0)
        : sizes_(sizes.empty() ? detail::size_classes() : detail::size_classes(sizes))
        , limit_(limit) {
        release();
    }

    detail::span_heap* operator->() { return &heap_; }

    /// The live blocks of a class, the oldest first.
    const std::vector<block>& live(std::uint32_t index) const { return live_[index]; }

    /// The first thing that went wrong; empty when nothing did.
    const std::string& fault() const { return fault_; }

    /// So many blocks more, each filled with a value of its own, up to the limit or a refusal.
    bool take(std::uint32_t index, std::size_t blocks = 1) {
        const std::size_t bytes = sizes_.bytes_of(index);
        const std::size_t alignment = std::min<std::size_t>(bytes & (~bytes + 1), 4096);
        for (; blocks != 0; --blocks) {
            auto* const place = static_cast<std::byte*>(heap_.try_allocate(index));
            if (place == nullptr) {
                const millpond::pool_stats now = heap_.stats_of(index);
                const bool has_room = budget_.has_room(bytes + 2) && now.growth_error == 0;
                return expect(now.free == 0 && !has_room, "a block was refused without reason");
            }
            expect(reinterpret_cast<std::uintptr_t>(place) % alignment == 0, "a lost alignment");
            value_ = static_cast<unsigned char>(value_ * 5 + 3);
            std::memset(place, value_, bytes);
            live_[index].push_back({place, value_});
            std::replace(freed_.begin(), freed_.end(), std::pair{place, index}, {nullptr, 0});
            peak_[index] = std::max(peak_[index], live_[index].size());
        }
        return true;
    }

    /// Frees the block of a class that has this age, 0 being the oldest; false when there is none.
    bool give(std::uint32_t index, std::size_t age) {
        if (age >= live_[index].size()) {
            return false;
        }
        const block one = live_[index][age];
        check_contents(index, one);
        expect(heap_.try_deallocate(one.place, index), "a live block was refused");
        live_[index].erase(live_[index].begin() + static_cast<std::ptrdiff_t>(age));
        std::shift_right(freed_.begin(), freed_.end(), 1);
        freed_[0] = {one.place, index};
        return true;
    }

    bool give_newest(std::uint32_t index) { return give(index, live_[index].size() - 1); }

    /// Frees all blocks of a class but every n-th.
    bool give_all_but_each(std::size_t n, std::uint32_t index) {
        for (std::size_t age = live_[index].size(); age-- != 0;) {
            (void)(age % n == 0 || give(index, age));
        }
        return true;
    }

    void give_all() {
        for (std::uint32_t index = 0; index < sizes_.count(); ++index) {
            while (give_newest(index)) {
            }
        }
    }

    bool hold(std::uint32_t index, std::size_t blocks) {
        const bool can = heap_.can_hold(index, blocks);
        return expect(can && heap_.stats_of(index).capacity >= blocks, "no room was held");
    }

    /// As the heap's owner does, who has the budget. Then makes all classes.
    bool release() {
        heap_.release();
        expect(!heap_.is_made(0) && heap_.try_allocate(0) == nullptr, "a class is still there");
        budget_ = detail::byte_budget(limit_);
        live_.assign(sizes_.count(), {});
        peak_.assign(sizes_.count(), 0);
        for (std::uint32_t index = 0; index < sizes_.count(); ++index) {
            expect(heap_.make(index) && heap_.is_made(index), "a class was not made");
        }
        return true;
    }

    /// Compares everything with the model, after calls that must not change anything.
    void check() {
        for (const auto& [place, index] : freed_) {
            check_refusal(place, index);
        }
        check_refusal(this, 0);
        const millpond::verdict found = heap_.verify();
        expect(found.fault == nullptr, found.fault);
        std::vector<std::pair<std::byte*, std::byte*>> places;
        std::size_t cost = 0;
        for (std::uint32_t index = 0; index < sizes_.count(); ++index) {
            const auto& live = live_[index];
            const std::size_t bytes = sizes_.bytes_of(index);
            for (const block& one : live) {
                check_contents(index, one);
                places.emplace_back(one.place, one.place + bytes);
            }
            if (!live.empty()) {
                std::byte* const place = live[live.size() / 2].place;
                check_refusal(place + 1, index);
                check_refusal(place + bytes / 2, index);
                check_refusal(place, index + 1); // the last one is no class
            }
            const millpond::pool_stats now = heap_.stats_of(index);
            const std::size_t committed = now.bytes_committed - now.bytes_metadata;
            expect(committed >= now.capacity * bytes && (now.capacity != 0 || committed == 0) &&
                       now.capacity == now.live + now.free && now.block_bytes == bytes,
                   "the figures of a class do not add up");
            expect(now.live == live.size() && now.high_water == peak_[index], "a wrong figure");
            cost += now.capacity * (bytes + 2);
        }
        expect(budget_.used() == cost && (limit_ == 0 || cost <= limit_), "a wrong budget");
        std::sort(places.begin(), places.end());
        const auto overlap = [](const auto& a, const auto& b) { return a.second > b.first; };
        expect(std::adjacent_find(places.begin(), places.end(), overlap) == places.end(),
               "two live blocks overlap");
    }

    /// Frees everything, after which nothing is kept; what went wrong until then.
    const std::string& finish() {
        give_all();
        (void)heap_.shrink();
        check();
        expect(budget_.used() == 0, "a shrink has kept blocks");
        return fault_;
    }

private:
    bool expect(bool holds, const char* what) {
        fault_ = holds || !fault_.empty() ? std::move(fault_) : what;
        return true;
    }

    void check_contents(std::uint32_t index, const block& one) {
        const std::size_t bytes = sizes_.bytes_of(index);
        expect(is_filled_with(one.value, one.place, bytes), "a live block was written to");
    }

    void check_refusal(void* place, std::uint32_t index) {
        expect(!heap_.try_deallocate(place, index), "what is no live block was freed");
    }

    detail::size_classes sizes_;
    std::size_t limit_;
    detail::byte_budget budget_{0};
    detail::span_heap heap_{{.name = "model", .limit_bytes = limit_}, sizes_, budget_};
    std::vector<std::vector<block>> live_;
    std::vector<std::size_t> peak_;                               ///< since the classes were made
    std::array<std::pair<std::byte*, std::uint32_t>, 6> freed_{}; ///< lately, and not live again
    unsigned char value_ = 1;
    std::string fault_;
};

} // namespace millpond::test
