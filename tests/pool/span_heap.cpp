// SPDX-License-Identifier: MIT
/// \file
/// Size classes that share pages, against a model: every short sequence of calls, long random ones, and
/// what the comments of pool/span_heap.hpp promise.

#include "millpond/pool/span_heap.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <initializer_list>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "adapt/filled.hpp"
#include "child.hpp"
#include "process_maps.hpp"
#include "support/sanitized.hpp"
#include "support/skip.hpp"
#include <doctest/doctest.h>
#include <sys/resource.h>

namespace {

namespace detail = millpond::detail;
using detail::misuse;
using millpond::test::effort;
using millpond::test::mapping_of;

detail::size_classes sizes_of(std::initializer_list<std::size_t> bytes) {
    return detail::size_classes(std::span<const std::size_t>(bytes.begin(), bytes.size()));
}

/// A heap whose classes are all made, what it borrows, and a model of it.
class checked_heap {
public:
    struct block {
        std::byte* place = nullptr;
        unsigned char value = 0; ///< in every byte
    };

    explicit checked_heap(const detail::size_classes& sizes, std::size_t limit = 0)
        : sizes_(sizes)
        , limit_(limit)
        , budget_(limit)
        , heap_({.name = "model", .limit_bytes = limit}, sizes_, budget_) {
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
                expect(now.free == 0 && (!budget_.has_room(bytes + 2) || now.growth_error != 0),
                       "a block was refused although there is room for it");
                return true;
            }
            expect(reinterpret_cast<std::uintptr_t>(place) % alignment == 0, "a lost alignment");
            value_ = static_cast<unsigned char>(value_ * 5 + 3);
            std::memset(place, value_, bytes);
            live_[index].push_back({place, value_});
            peak_[index] = std::max(peak_[index], live_[index].size());
        }
        return true;
    }

    /// Frees the block of a class that has this age; false when there is none.
    bool give(std::uint32_t index, std::size_t age) {
        auto& blocks = live_[index];
        if (age >= blocks.size()) {
            return false;
        }
        const block one = blocks[age];
        check_contents(index, one);
        expect(heap_.try_deallocate(one.place, index), "a live block was refused");
        blocks.erase(blocks.begin() + static_cast<std::ptrdiff_t>(age));
        std::shift_left(freed_.begin(), freed_.end(), 1);
        freed_.back() = {one.place, index};
        return true;
    }

    bool give_newest(std::uint32_t index) { return give(index, live_[index].size() - 1); }

    bool give_lowest(std::uint32_t index) {
        const auto& all = live_[index];
        const auto lower = [](const block& a, const block& b) { return a.place < b.place; };
        return give(index,
                    std::size_t(std::min_element(all.begin(), all.end(), lower) - all.begin()));
    }

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
        expect(heap_.can_hold(index, blocks) && heap_.stats_of(index).capacity >= blocks,
               "there is no room for what is to be held");
        return true;
    }

    bool shrink() {
        (void)heap_.shrink();
        return true;
    }

    /// As the heap's owner does, who has the budget. Then makes all classes.
    bool release() {
        heap_.release();
        budget_ = detail::byte_budget(limit_);
        expect(!heap_.is_made(0) && heap_.try_allocate(0) == nullptr && heap_.verify(),
               "a release has left something");
        live_.assign(sizes_.count(), {});
        peak_.assign(sizes_.count(), 0);
        for (std::uint32_t index = 0; index < sizes_.count(); ++index) {
            expect(heap_.make(index) && heap_.is_made(index), "a class was not made");
        }
        return true;
    }

    /// Compares everything with the model, after calls that must not change anything.
    void check() {
        check_refusals();
        const millpond::verdict found = heap_.verify();
        expect(found.fault == nullptr, found.fault);
        std::vector<std::pair<std::byte*, std::byte*>> places;
        std::size_t cost = 0;
        for (std::uint32_t index = 0; index < sizes_.count(); ++index) {
            const millpond::pool_stats now = heap_.stats_of(index);
            const std::size_t bytes = sizes_.bytes_of(index);
            expect(now.live == live_[index].size() && now.high_water == peak_[index] &&
                       now.capacity == now.live + now.free && now.block_bytes == bytes &&
                       now.bytes_committed >= now.capacity * bytes + now.bytes_metadata,
                   "the figures of a class differ from the model");
            cost += now.capacity * (bytes + 2);
            for (const block& one : live_[index]) {
                check_contents(index, one);
                places.emplace_back(one.place, one.place + bytes);
            }
        }
        std::sort(places.begin(), places.end());
        const auto overlap = [](const auto& a, const auto& b) { return a.second > b.first; };
        expect(std::adjacent_find(places.begin(), places.end(), overlap) == places.end(),
               "two live blocks overlap");
        expect(budget_.used() == cost && (limit_ == 0 || cost <= limit_),
               "the budget differs from what the classes have");
    }

    /// Frees everything, after which nothing is kept.
    void finish() {
        give_all();
        shrink();
        check();
        for (std::uint32_t index = 0; index < sizes_.count(); ++index) {
            const millpond::pool_stats now = heap_.stats_of(index);
            expect(now.capacity == 0 && now.bytes_committed == now.bytes_metadata,
                   "a shrink has kept blocks");
        }
    }

private:
    void expect(bool holds, const char* what) {
        if (!holds && fault_.empty()) {
            fault_ = what;
        }
    }

    void check_contents(std::uint32_t index, const block& one) {
        const std::size_t bytes = sizes_.bytes_of(index);
        expect(millpond::test::is_filled_with(one.value, one.place, bytes),
               "a live block was written to");
    }

    /// What is no live block of the class is refused.
    void check_refusals() {
        const auto refused = [this](void* place, std::uint32_t index) {
            expect(!heap_.try_deallocate(place, index), "what is no live block was freed");
        };
        for (const auto& [place, index] : freed_) {
            const auto is_here = [place = place](const block& one) { return one.place == place; };
            if (std::none_of(live_[index].begin(), live_[index].end(), is_here)) {
                refused(place, index);
            }
        }
        refused(this, 0);
        for (std::uint32_t index = 0; index < sizes_.count(); ++index) {
            if (!live_[index].empty()) {
                std::byte* const place = live_[index][live_[index].size() / 2].place;
                refused(place + 1, index);
                refused(place + sizes_.bytes_of(index) / 2, index);
                refused(place, index + 1); // the last one is no class
            }
        }
    }

    detail::size_classes sizes_;
    std::size_t limit_;
    detail::byte_budget budget_;
    detail::span_heap heap_;
    std::vector<std::vector<block>> live_;
    std::vector<std::size_t> peak_; ///< since the classes were made
    std::array<std::pair<std::byte*, std::uint32_t>, 4> freed_{};
    unsigned char value_ = 1;
    std::string fault_;
};

using operation = bool (*)(checked_heap&); ///< false when there is no block to be freed

constexpr std::array<operation, 12> all_operations{
    [](checked_heap& heap) { return heap.take(0); },
    [](checked_heap& heap) { return heap.take(1); },
    [](checked_heap& heap) { return heap.take(2); },
    [](checked_heap& heap) { return heap.take(0, 70); }, // more than a line
    [](checked_heap& heap) { return heap.give_lowest(0); },
    [](checked_heap& heap) { return heap.give_newest(0); },
    [](checked_heap& heap) { return heap.give_newest(1); },
    [](checked_heap& heap) { return heap.give_lowest(2); },
    [](checked_heap& heap) { return heap.give_all_but_each(30, 0); },
    // These give memory back, or keep it from others.
    [](checked_heap& heap) { return heap.hold(1, 50) && heap.hold(2, 2); },
    [](checked_heap& heap) { return heap.shrink(); },
    [](checked_heap& heap) { return heap.release(); },
};
constexpr std::size_t reusing_operations = 9;

/// Runs every sequence of `length` of the first so many operations on a heap that was prepared; the
/// first fault with its sequence, or the number of them. New memory is what takes time, so one heap
/// serves for all sequences that neither return nor hold any.
std::string enumerate(std::size_t length, std::size_t operations, operation prepare) {
    std::optional<checked_heap> heap;
    std::size_t all = 1;
    for (; length != 0; --length) {
        all *= operations;
    }
    std::size_t runs = 0;
    for (std::size_t number = 0; number < all; ++runs) { // the operations are its digits
        if (!heap || operations > reusing_operations) {
            heap.emplace(sizes_of({16, 96, 6000}));
        }
        prepare(*heap);
        std::string where = " after";
        std::size_t same = all; // sequences that begin like this one
        do {
            same /= operations;
            const std::size_t digit = number / same % operations;
            where += ' ' + std::to_string(digit);
            if (!all_operations[digit](*heap)) {
                break;
            }
            if (number % same == 0) { // the first of them
                heap->check();
            }
        } while (same != 1);
        heap->give_all();
        if (!heap->fault().empty()) {
            return heap->fault() + where;
        }
        number += same - number % same;
    }
    return std::to_string(runs) + " sequences";
}

/// The record of the span of the first class that begins at a block and has so many, all granted:
/// records lie in front of all blocks, in the same mapping.
detail::span_record& record_of(std::byte* first, std::size_t blocks) {
    auto* record = reinterpret_cast<detail::span_record*>(mapping_of(first).first);
    while (record->blocks != first || record->room != blocks || record->granted != blocks) {
        ++record;
    }
    return *record;
}

/// Lets this process have so many bytes of data; returns how many it could have before.
rlim_t limit_data(rlim_t bytes) {
    rlimit now{};
    getrlimit(RLIMIT_DATA, &now);
    const rlim_t had = std::exchange(now.rlim_cur, bytes);
    setrlimit(RLIMIT_DATA, &now);
    return had;
}

/// Runs `use`, which returns what is wrong, with a heap in a child that may have no more data.
void check_refusals(std::string (*use)(checked_heap& heap, rlim_t data_bytes)) {
    if (millpond::test::sanitized) {
        millpond::test::skip("a sanitizer needs more than the limit");
        return;
    }
    const auto ended = millpond::test::run_in_child([use] {
        checked_heap heap(sizes_of({16, 65'536}));
        heap.take(0, 200);
        heap.take(1, 5);
        const rlim_t had = limit_data(4096); // the kernel takes 0 for Valgrind's
        heap.take(1, 1000);
        std::fputs(use(heap, had).c_str(), stderr);
    });
    CHECK(ended.signal == 0);
    CHECK(ended.error_output == "");
}

} // namespace

TEST_CASE("no short sequence of calls loses, repeats or mistakes a block of three classes") {
    const operation fresh = [](checked_heap& /*heap*/) { return true; };
    const operation full_stack = [](checked_heap& heap) {
        return heap.take(0, 50) && heap.give_all_but_each(2, 0);
    };
    const operation several_spans = [](checked_heap& heap) {
        return heap.take(0, 90) && heap.take(1, 16) && heap.take(2, 3) &&
               heap.give_all_but_each(3, 0) && heap.give_all_but_each(2, 1) && heap.give_lowest(2);
    };
    for (const operation prepare : {fresh, full_stack, several_spans}) {
        for (const auto& [length, operations] :
             {std::pair{effort(5, 4, 3), reusing_operations},
              std::pair{effort(3, 3, 2), all_operations.size()}}) {
            const std::string outcome =
                enumerate(static_cast<std::size_t>(length), operations, prepare);
            CHECK(outcome.ends_with(" sequences"));
            INFO(outcome);
            CHECK(std::stoul(outcome) > 50);
        }
    }
}

TEST_CASE("a long random sequence leaves three classes as the model says after every step") {
    checked_heap heap(sizes_of({16, 96, 6000}));
    std::mt19937 random(5);
    for (int step = 0; step < effort(10'000, 5000, 500); ++step) {
        const bool any = random() % 8 == 0;
        (void)all_operations[random() % (any ? all_operations.size() : reusing_operations)](heap);
        heap.check();
        REQUIRE(heap.fault() == "");
    }
    heap.finish();
    CHECK(heap.fault() == "");
}

TEST_CASE("all classes agree with a model through long random runs, with and without a limit") {
    for (unsigned seed = 1; seed <= effort(4U, 4U, 2U); ++seed) {
        CAPTURE(seed);
        const std::size_t limit = seed % 2 == 0 ? seed * 300'000 : 0;
        checked_heap heap{detail::size_classes(), limit};
        std::mt19937 random(seed);
        for (int step = 1; step <= effort(20'000, 10'000, 1500); ++step) {
            const auto index = static_cast<std::uint32_t>(random() % (step % 2 == 0 ? 88 : 12));
            const std::size_t had = heap.live(index).size();
            const bool grows = step / 3000 % 2 == 0;
            if (had == 0 || (random() % 4 != 0 ? grows : !grows)) {
                heap.take(index);
            } else {
                heap.give(index, random() % had);
            }
            if (limit == 0 && random() % 100 == 0) {
                heap.hold(index, random() % 8);
            }
            if (random() % 400 == 0) {
                random() % 10 == 0 ? heap.release() : heap.shrink();
            }
            if (step % 200 == 0) {
                heap.check();
                REQUIRE(heap.fault() == "");
            }
        }
        heap.finish();
        CHECK(heap.fault() == "");
    }
}

TEST_CASE("a deeper stack knows what was freed into a shallower one") {
    checked_heap heap(sizes_of({16}));
    std::vector<void*> blocks;
    for (const auto& [count, depth] :
         {std::pair{60, 14}, std::pair{120, 62}, std::pair{500, 254}, std::pair{2000, 1022}}) {
        CAPTURE(count);
        // Those that the last round took from the stack have places in it, now that a deeper one comes.
        while (std::ssize(blocks) < count) {
            blocks.push_back(heap->try_allocate(0));
        }
        std::shuffle(blocks.begin(), blocks.end(), std::mt19937(6));
        const auto half = blocks.begin() + count / 2;
        const auto free_one = [&heap](void* block) { return heap->try_deallocate(block, 0); };
        CHECK(std::all_of(blocks.begin(), half, free_one));
        CHECK(std::none_of(blocks.begin(), half, free_one));
        CHECK(std::all_of(half, blocks.end(), free_one));
        CHECK(std::none_of(blocks.begin(), blocks.end(), free_one));
        CHECK(heap->verify());
        const std::vector<void*> freed = blocks;
        std::generate(blocks.begin(), blocks.end(), [&] { return heap->try_allocate(0); });
        // The first to come is the last that the stack had room for.
        CHECK(std::find(freed.begin(), freed.end(), blocks[0]) - freed.begin() + 1 == depth);
        CHECK(std::set<void*>(blocks.begin(), blocks.end()).size() == blocks.size());
        CHECK(heap->verify());
        CHECK(heap->stats_of(0).high_water == blocks.size());
    }
}

TEST_CASE("a free block of more than 4096 bytes is any class's unless it is reserved") {
    checked_heap heap(sizes_of({6000, 8000}));
    void* const one = heap->try_allocate(0);
    CHECK(heap->try_deallocate(one, 0));
    CHECK(heap->stats_of(0).capacity == 0);
    CHECK(heap->try_allocate(1) == one);
    CHECK_FALSE(heap->try_deallocate(one, 0));
    CHECK(heap->can_hold(0, 3));
    CHECK(heap->stats_of(0).capacity == 3);
    heap.take(0, 5);
    heap.give_all();
    CHECK(heap->stats_of(0).capacity == 3);
    heap.take(0);
    (void)heap->shrink();
    CHECK(heap->stats_of(0).capacity == 1);
    heap.give_all();
    CHECK(heap->stats_of(0).capacity == 0);
    CHECK(heap->try_deallocate(one, 1));
    CHECK(heap->verify());
    CHECK(heap.fault() == "");
}

TEST_CASE("a report tells why an address is no block to be freed") {
    checked_heap heap(sizes_of({16, 6000}));
    heap.take(0, 20);
    heap.take(1);
    const auto reason = [&](const void* address) { return heap->report_on(address).reason; };
    std::byte* const small = heap.live(0).front().place;
    std::byte* const large = heap.live(1).front().place;
    CHECK(reason(small) == misuse::wrong_size);
    CHECK(heap->report_on(small).block_bytes == 16);
    CHECK(std::string(heap->report_on(small).pool_name) == "model");
    CHECK(reason(large) == misuse::wrong_size);
    CHECK(heap->report_on(large).block_bytes == 6000);
    CHECK(reason(heap.live(0).back().place + 16) == misuse::never_allocated); // the line's next
    CHECK(reason(small + 5) == misuse::inside_a_block);
    CHECK(heap->report_on(small + 5).block == small);
    CHECK(reason(large + 5120) == misuse::inside_a_block);
    CHECK(reason(large + 6000) == misuse::foreign); // the rest of its span
    CHECK(reason(nullptr) == misuse::foreign);
    CHECK(reason(&heap) == misuse::foreign);
    const auto blocks = heap.live(0); // some go into the stack, the others beyond
    heap.give_all();
    for (const auto& one : blocks) {
        CHECK(reason(one.place) == misuse::freed_twice);
    }
    CHECK(reason(large) == misuse::freed_twice);
    CHECK(reason(large + 1024) == misuse::foreign);
}

TEST_CASE("the self-check notices damage to what is known of blocks") {
    checked_heap heap(sizes_of({16, 96}));
    heap.take(0, 40);
    std::byte* const first = heap.live(0).front().place; // blocks of a line come lowest first
    while (heap.live(0).size() > 20) {
        heap.give(0, 0);
    }
    detail::span_record& span = record_of(first, 64);
    const auto notices = [&heap]<class Known>(Known& known, std::type_identity_t<Known> instead) {
        const Known was = std::exchange(known, instead);
        const bool noticed = !heap->verify();
        known = was;
        return noticed && heap->verify();
    };
    constexpr auto freed = detail::to_position<detail::wide_position>(detail::position_freed);
    constexpr auto in_use = detail::wide_position{2};
    CHECK(notices(span.positions()[39], freed));  // a live block
    CHECK(notices(span.positions()[13], in_use)); // in the stack, but at another place
    CHECK(notices(span.positions()[19], in_use)); // freed beyond the stack
    CHECK(notices(span.positions()[40], in_use)); // in the current line
    CHECK(notices(span.positions()[64], in_use)); // no block
    CHECK(notices(span.lines, 0));
    CHECK(notices(span.granted, 63));
    CHECK(notices(span.owner, 1));
    CHECK(notices(span.next, &span));
}

TEST_CASE("a heap of several spaces frees the blocks of all and gives the newer ones back") {
    checked_heap heap(sizes_of({16, 65'536}));
    heap.take(1, 100);
    heap.take(0, 300);
    heap.hold(1, 400); // the first space has room for 256
    heap.take(1, 300);
    heap.take(0, 5000);
    heap.hold(1, 3000); // the second one is eight times as large
    heap.check();
    (void)heap->shrink();
    heap.check();
    CHECK(heap->stats_of(1).capacity == 400);
    const std::array<std::byte*, 2> places{heap.live(1).front().place, heap.live(1).back().place};
    CHECK(mapping_of(places[0]).end != 0);
    CHECK(mapping_of(places[1]).end != 0);
    heap.give_all_but_each(3, 1);
    heap.check();
    heap.finish();
    CHECK(heap.fault() == "");
    CHECK(mapping_of(places[0]).end != 0);
    CHECK(mapping_of(places[1]).end == 0);
}

TEST_CASE("a heap that the system refuses memory stays sound and grows again when it may") {
    check_refusals([](checked_heap& heap, rlim_t data_bytes) -> std::string {
        heap.check();
        const millpond::pool_stats now = heap->stats_of(1);
        const bool is_refused =
            now.failures == 1 && now.growth_error == ENOMEM && !heap->can_hold(1, 1000);
        heap.check();
        (void)limit_data(data_bytes);
        for (int failures = 0; failures <= 1000 && heap.live(1).size() == now.live; ++failures) {
            heap.take(1);
        }
        const bool has_grown = heap.live(1).size() != now.live;
        heap.hold(1, 100);
        heap.take(1, 100);
        heap.take(0, 1000);
        heap.check();
        heap.finish();
        return !is_refused ? "nothing was refused" : has_grown ? heap.fault() : "no growth";
    });
}

TEST_CASE("a large block that is freed after a refusal can be handed out again at once") {
    check_refusals([](checked_heap& heap, rlim_t /*data_bytes*/) -> std::string {
        heap.give_newest(1);
        const std::size_t had = heap.live(1).size();
        heap.take(1);
        return heap.live(1).size() != had ? heap.fault() : "the memory is free and was refused";
    });
}
