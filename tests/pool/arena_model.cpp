// SPDX-License-Identifier: MIT
/// \file
/// Arenas against a model: every short sequence of creations, marks and rewinds, and long random runs; with
/// an upstream and without.
///
/// The model is a list of what is in use, oldest first; a mark is a length of it.

#include "millpond/pool/arena.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <optional>
#include <random>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "adapt/upstream.hpp"
#include "arena_objects.hpp"
#include "sound.hpp"
#include "support/sanitized.hpp"
#include <doctest/doctest.h>

using millpond::arena;
using millpond::test::destroyed;
using millpond::test::element;
using millpond::test::noted;

namespace {

/// The largest size that the arena had in a constructor that threw.
std::size_t size_in_constructor = 0;

/// Throws, after it has made others.
struct failing {
    failing(arena& home, std::size_t bytes) {
        (void)home.try_create<noted<8, 8>>(-1);
        (void)home.try_allocate(bytes, 1);
        size_in_constructor = home.size();
        throw std::runtime_error("broken");
    }
};

/// Something that is in use.
struct piece {
    unsigned char* first = nullptr;
    std::size_t bytes = 0;
    int objects = 0; ///< destructors that are to run, with numbers from `number` on
    int number = 0;
    unsigned char value = 0; ///< raw bytes are filled with it
};

/// An arena and what it must look like.
class modelled {
public:
    explicit modelled(arena& home)
        : home_(home) {
        destroyed.clear();
    }

    struct mark_and_length {
        arena::mark_type mark;
        std::size_t length;
        std::size_t size;
    };

    void allocate(std::size_t bytes, std::size_t alignment, unsigned char value) {
        const std::size_t before = home_.size();
        void* const block = home_.try_allocate(bytes, alignment);
        if (block == nullptr) {
            require(home_.size() == before, "a refusal took something");
            require(bytes + alignment > home_.max_capacity() - before,
                    "refused before it was full");
            return;
        }
        require(reinterpret_cast<std::uintptr_t>(block) % alignment == 0, "not aligned");
        std::memset(block, value, bytes);
        add({.first = static_cast<unsigned char*>(block), .bytes = bytes, .value = value}, 0);
        require(home_.size() - before < std::max<std::size_t>(bytes, 1) + alignment,
                "more padding than the alignment needs");
    }

    template <class T>
    void create() {
        T* const made = home_.try_create<T>(next_);
        if (made != nullptr) {
            add({.first = reinterpret_cast<unsigned char*>(made),
                 .bytes = sizeof(T),
                 .objects = 1,
                 .number = next_++},
                16);
            require(reinterpret_cast<std::uintptr_t>(made) % alignof(T) == 0, "not aligned");
        }
    }

    void make_array(std::size_t count) {
        element::next = next_;
        const auto made = home_.try_make_array<element>(count);
        if (!made.empty()) {
            add({.first = reinterpret_cast<unsigned char*>(made.data()),
                 .bytes = made.size_bytes(),
                 .objects = static_cast<int>(count),
                 .number = next_},
                24);
            next_ += static_cast<int>(count);
        }
    }

    void fail(std::size_t bytes) {
        const std::size_t before = home_.size();
        size_in_constructor = before;
        try {
            (void)home_.try_create<failing>(home_, bytes);
        } catch (const std::runtime_error&) {
            std::erase(destroyed, -1);
        }
        peak_ = std::max(peak_, size_in_constructor);
        require(home_.size() == before, "a throwing constructor left something");
    }

    mark_and_length mark() { return {home_.mark(), pieces_.size(), home_.size()}; }

    void rewind(const mark_and_length& to) {
        home_.rewind(to.mark);
        drop(to.length);
        require(home_.size() == to.size, "a rewind did not restore the size");
    }

    void clear() {
        home_.clear();
        drop(0);
        require(home_.size() == 0, "a cleared arena is not empty");
    }

    /// Frees a piece of raw bytes by address; taken back only if it is the last.
    void free_last() {
        if (!pieces_.empty() && pieces_.back().objects == 0) {
            const piece last = pieces_.back();
            const std::size_t before = home_.size();
            home_.deallocate(last.first, last.bytes);
            if (home_.size() != before) {
                pieces_.pop_back();
                require(home_.size() < before, "a free took bytes");
            }
        }
    }

    /// What differs from the model; empty when nothing does.
    std::string fault(bool whole) {
        peak_ = std::max(peak_, home_.size());
        require(home_.high_water() == peak_, "the high water is not the peak");
        if (whole) {
            std::for_each(pieces_.begin(), pieces_.end(), [&](const piece& each) {
                require(each.objects != 0 ||
                            std::all_of(each.first,
                                        each.first + each.bytes,
                                        [&](auto byte) { return byte == each.value; }),
                        "somebody wrote into a block");
            });
            if (fault_.empty()) {
                fault_ = millpond::test::fault_of(home_);
            }
        }
        return fault_;
    }

private:
    void require(bool holds, const char* what) {
        if (!holds && fault_.empty()) {
            fault_ = what;
        }
    }

    void add(const piece& made, std::size_t header) {
        const unsigned char* const end =
            pieces_.empty() ? nullptr
                            : pieces_.back().first + std::max<std::size_t>(pieces_.back().bytes, 1);
        require(home_.upstream_resource() != nullptr || made.first - header >= end,
                "two pieces overlap"); // elsewhere their bytes tell
        require(home_.owns(made.first) && made.bytes <= home_.capacity() &&
                    home_.owns(made.first + std::max<std::size_t>(made.bytes, 1) - 1),
                "a piece lies outside the arena");
        pieces_.push_back(made);
        peak_ = std::max(peak_, home_.size());
    }

    /// The destructors of all pieces after the first `length` must have run, the newest first.
    void drop(std::size_t length) {
        std::vector<int> expected;
        while (pieces_.size() > length) {
            for (int i = pieces_.back().objects - 1; i >= 0; --i) {
                expected.push_back(pieces_.back().number + i);
            }
            pieces_.pop_back();
        }
        require(destroyed == expected, "other destructors ran, or in another order");
        destroyed.clear();
    }

    arena& home_;
    std::vector<piece> pieces_;
    std::size_t peak_ = 0;
    int next_ = 1;
    std::string fault_;
};

/// One of the operations of the short sequences; false when there is no such mark.
bool apply(modelled& model, std::vector<modelled::mark_and_length>& marks, std::size_t operation) {
    switch (operation) {
    case 0:
        model.create<noted<8, 8>>();
        break;
    case 1:
        model.create<noted<40, 32>>();
        break;
    case 2:
        model.allocate(5, 1, 0x5a);
        break;
    case 3:
        model.make_array(2);
        break;
    case 4:
        marks.push_back(model.mark());
        break;
    case 5:
        model.clear();
        marks.clear();
        break;
    case 6:
        model.fail(30);
        break;
    default: { // rewind to a mark that is good; those beyond it are not any more
        const std::size_t which = operation - 7;
        if (which >= marks.size()) {
            return false;
        }
        model.rewind(marks[which]);
        marks.resize(which + 1);
    }
    }
    return true;
}

/// Runs every sequence of so many operations; returns how many there were.
int run_all(std::size_t length, std::size_t capacity, std::pmr::memory_resource* upstream) {
    constexpr std::size_t operations = 9;
    std::vector<std::size_t> sequence(length);
    int runs = 0;
    alignas(16) std::array<std::byte, 1024> buffer{};
    for (bool more = true; more;) {
        arena home({.capacity = capacity,
                    .memory = {.source = millpond::memory_source::buffer, .buffer = buffer}},
                   upstream);
        modelled model(home);
        std::vector<modelled::mark_and_length> marks;
        std::size_t turn = length - 1; // the digit that is counted up next
        for (std::size_t i = 0; i < length; ++i) {
            if (!apply(model, marks, sequence[i])) {
                turn = i;
                break;
            }
            if (model.fault(true) != "") {
                std::string text = model.fault(true) + " after";
                for (std::size_t k = 0; k <= i; ++k) {
                    text += ' ' + std::to_string(sequence[k]);
                }
                FAIL(text);
            }
        }
        model.clear();
        REQUIRE(model.fault(true) == "");
        ++runs;
        std::fill(sequence.begin() + static_cast<std::ptrdiff_t>(turn) + 1, sequence.end(), 0);
        while (++sequence[turn] == operations) {
            sequence[turn] = 0;
            more = turn != 0;
            if (!more) {
                break;
            }
            --turn;
        }
    }
    return runs;
}

} // namespace

TEST_CASE("every short sequence of creations and marks and rewinds destroys what the model says") {
    // So small that the longest sequences fill it.
    CHECK(run_all(millpond::test::effort<std::size_t>(6, 5, 4), 600, nullptr) > 2000);
}

TEST_CASE("every short sequence on an arena that goes on upstream destroys what the model says") {
    std::pmr::memory_resource* const upstream = std::pmr::new_delete_resource();
    for (const std::size_t capacity : {1U, 60U, 130U}) {
        CAPTURE(capacity);
        CHECK(run_all(millpond::test::effort<std::size_t>(5, 4, 4), capacity, upstream) > 2000);
    }
}

namespace {

/// A long random run on an arena of random shape.
class random_run {
public:
    explicit random_run(std::uint64_t seed, std::pmr::memory_resource* upstream = nullptr)
        : random_(seed)
        , options_(draw()) {
        if (options_.memory.source == millpond::memory_source::buffer) {
            const std::size_t start = below(20);
            buffer_.resize(start + arena::buffer_bytes(options_) + below(64));
            options_.memory.buffer = std::span(buffer_).subspan(start);
        }
        home_.emplace(options_, upstream);
        model_.emplace(*home_);
    }

    std::string run(int steps) {
        std::string fault;
        for (int step = 0; step < steps && fault.empty(); ++step) {
            random_step();
            fault = model_->fault(step % 50 == 0);
        }
        marks_.clear();
        model_->clear();
        return fault.empty() ? model_->fault(true) : fault;
    }

private:
    std::size_t below(std::size_t limit) { return random_() % limit; }

    millpond::arena_options draw() {
        const std::size_t capacity = 1 + below(std::size_t{1} << (4 + below(14)));
        return {.name = "random",
                .capacity = capacity,
                .max_capacity = below(2) == 0 ? 0 : capacity + below(5'000'000),
                .prefault = below(4) == 0,
                .memory = {.source = static_cast<millpond::memory_source>(below(3)),
                           .guard_pages = below(2) == 0}};
    }

    void random_step() {
        const std::size_t chance = below(1000);
        if (chance < 500) {
            const std::size_t most = below(50) == 0 ? 100'000 : 100;
            model_->allocate(below(most),
                             std::size_t{1} << below(below(20) == 0 ? 14 : 6),
                             static_cast<unsigned char>(random_()));
        } else if (chance < 600) {
            model_->create<noted<8, 8>>();
        } else if (chance < 640) {
            model_->create<noted<200, 64>>();
        } else if (chance < 680) {
            model_->make_array(1 + below(20));
        } else if (chance < 700) {
            model_->fail(below(1000));
        } else if (chance < 800) {
            marks_.push_back(model_->mark());
        } else if (chance < 900) {
            model_->free_last();
        } else if (chance < 990) {
            rewind();
        } else if (chance < 995) {
            (void)home_->shrink();
        } else {
            model_->clear();
            marks_.clear();
        }
    }

    /// Mostly to one of the newest marks.
    void rewind() {
        if (!marks_.empty()) {
            const std::size_t back = below(8) == 0 ? below(marks_.size())
                                                   : below(std::min<std::size_t>(marks_.size(), 3));
            marks_.resize(marks_.size() - back);
            model_->rewind(marks_.back());
        }
    }

    std::mt19937_64 random_;
    millpond::arena_options options_;
    std::vector<std::byte> buffer_;
    std::optional<arena> home_;
    std::optional<modelled> model_;
    std::vector<modelled::mark_and_length> marks_;
};

} // namespace

TEST_CASE("arenas of random shape agree with a list through long random runs") {
    for (int seed = 1; seed <= millpond::test::effort(200, 60, 8); ++seed) {
        CAPTURE(seed);
        REQUIRE(random_run(static_cast<std::uint64_t>(seed)).run(3000) == "");
    }
}

TEST_CASE("arenas that go on upstream agree with a list through long random runs, and return all") {
    std::size_t calls = 0;
    for (int seed = 1; seed <= millpond::test::effort(100, 30, 8); ++seed) {
        CAPTURE(seed);
        millpond::test::checking_upstream upstream;
        REQUIRE(random_run(static_cast<std::uint64_t>(seed), &upstream).run(3000) == "");
        REQUIRE(upstream.fault() == "");
        REQUIRE(upstream.bytes() == 0);
        calls += upstream.calls();
    }
    CHECK(calls > 20);
}
