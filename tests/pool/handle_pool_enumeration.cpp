// SPDX-License-Identifier: MIT
/// \file
/// Every short sequence of operations on handle pools of one, two and three objects, and long random
/// ones on pools of random shape, against a model.

#include "millpond/pool/handle_pool.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "handle_model.hpp"
#include "support/sanitized.hpp"
#include <doctest/doctest.h>

using millpond::handle;
using millpond::handle_pool;
using millpond::handle_pool_options;
using millpond::memory_source;
using millpond::test::modelled_pool;

namespace {

/// Can be written into a snapshot.
struct item {
    explicit item(std::uint64_t number)
        : value(number)
        , copy(~number) {}

    /// Tells its handle and throws.
    item(const handle_pool<item>& home, handle<item>& told)
        : item(0) {
        told = home.handle_of(*this);
        throw std::runtime_error("no");
    }

    std::uint64_t value;
    std::uint64_t copy;
};

std::uint64_t number_of(const item& it) {
    return it.value == ~it.copy ? it.value : 0;
}

/// The handle that the constructor was told; null when it did not run.
handle<item> create_broken_item(handle_pool<item>& pool) {
    handle<item> told;
    try {
        (void)pool.try_create(pool, told);
    } catch (const std::runtime_error&) {
    }
    return told;
}

/// Operations 0 to 6; 7 and above destroy one object.
enum operation : std::size_t {
    create,
    create_in_vain,
    destroy_stale,
    clear,
    save,
    load,
    move,
    destroy_one,
};

/// False when the operation destroys an object that is not there.
template <class Modelled>
bool apply(Modelled& both, handle_pool<item>& pool, std::size_t step, std::uint64_t number) {
    switch (step) {
    case create:
        both.create(number, number);
        break;
    case create_in_vain:
        both.create_in_vain([&] { return create_broken_item(pool); });
        break;
    case destroy_stale:
        if (both.model().stale.empty()) {
            return false;
        }
        both.destroy_stale(both.model().stale.size() - 1);
        break;
    case clear:
        both.clear();
        break;
    case save:
        both.save();
        break;
    case load:
        both.load();
        break;
    case move:
        both.move_away_and_back();
        break;
    default:
        if (step - destroy_one >= both.model().objects.size()) {
            return false;
        }
        both.destroy(step - destroy_one);
    }
    both.check(true);
    return true;
}

/// Runs every sequence of `length` operations; the first fault, with its sequence, or nothing.
std::string enumerate(std::size_t objects, std::uint64_t generations, std::size_t length) {
    std::array<std::byte, 512> buffer{};
    const std::size_t operations = destroy_one + objects;
    std::vector<std::size_t> sequence(length);
    std::size_t runs = 0;
    for (;;) {
        handle_pool<item> pool({.capacity = objects,
                                .memory = {.source = memory_source::buffer, .buffer = buffer},
                                .generations = generations});
        modelled_pool both(pool, generations, number_of);
        std::size_t turn = length - 1; // the digit that is counted up next
        ++runs;
        for (std::size_t i = 0; i < length; ++i) {
            if (!apply(both, pool, sequence[i], i + 1)) {
                turn = i;
                break;
            }
            if (!both.fault().empty()) {
                std::string text = both.fault() + " after";
                for (std::size_t k = 0; k <= i; ++k) {
                    text += ' ' + std::to_string(sequence[k]);
                }
                return text;
            }
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

constexpr std::size_t effort(std::size_t full, std::size_t sanitized, std::size_t valgrind) {
    return millpond::test::effort(full, sanitized, valgrind);
}

handle_pool_options random_shape(std::mt19937_64& random, std::vector<std::byte>& buffer) {
    const auto below = [&](std::size_t limit) { return random() % limit; };
    const std::size_t capacity = 1 + below(std::size_t{1} << (1 + below(12)));
    handle_pool_options options{
        .name = "random",
        .capacity = capacity,
        .max_capacity = below(2) == 0 ? 0 : capacity + below(5'000),
        .prefault = below(4) == 0,
        .memory = {.source = static_cast<memory_source>(below(3)), .guard_pages = below(2) == 0},
        .generations = below(2) == 0 ? 0 : 1 + below(20)};
    buffer.resize(handle_pool<item>::buffer_bytes(options) + below(64));
    options.memory.buffer = buffer;
    return options;
}

/// What is special about items in a random run.
struct items {
    using type = item;

    static std::uint64_t number(const item& it) { return number_of(it); }

    template <class Both>
    static void create(Both& both, std::uint64_t number) {
        both.create(number, number);
    }

    template <class Both>
    static void seldom(Both& both, handle_pool<item>& pool, std::size_t which) {
        switch (which) {
        case 0:
            both.save();
            break;
        case 1:
            both.load();
            break;
        default:
            both.create_in_vain([&] { return create_broken_item(pool); });
        }
    }
};

/// The same for objects that can only be moved, and have a destructor.
struct owners {
    using type = std::unique_ptr<std::uint64_t>;

    static std::uint64_t number(const type& it) { return *it; }

    template <class Both>
    static void create(Both& both, std::uint64_t number) {
        both.create(number, std::make_unique<std::uint64_t>(number));
    }

    template <class Both>
    static void seldom(Both& both, handle_pool<type>& pool, std::size_t which) {
        if (which == 0) {
            both.clear();
        } else {
            (void)pool.shrink();
        }
    }
};

/// Levels wander between empty and full.
template <class Kind>
std::string run_at_random(std::uint64_t seed, int steps) {
    using type = typename Kind::type;
    std::mt19937_64 random(seed);
    const auto below = [&](std::size_t limit) { return random() % limit; };
    std::vector<std::byte> buffer;
    const handle_pool_options options = random_shape(random, buffer);
    handle_pool<type> pool(options);
    modelled_pool both(pool, options.generations, Kind::number);
    std::size_t target = 10;
    for (int step = 0; step < steps && both.fault().empty(); ++step) {
        const std::size_t live = both.model().objects.size();
        if (below(200) == 0) {
            target = below(pool.stats().max_capacity + 1);
        }
        if (below(300) == 0) {
            if (below(4) == 0) {
                both.move_away_and_back();
            } else {
                Kind::seldom(both, pool, below(4));
            }
        } else if (below(target + live + 1) < target) {
            Kind::create(both, random() | 1);
        } else if (live != 0) {
            both.destroy(below(live));
        }
        if (!both.model().stale.empty()) {
            both.destroy_stale(below(both.model().stale.size()));
        }
        both.check(below(step < 100 ? 1 : 200) == 0);
    }
    both.check(true);
    return both.fault();
}

} // namespace

TEST_CASE("every short sequence of operations leaves a handle pool of one to three objects sound") {
    for (const std::uint64_t generations : {0U, 1U, 2U, 3U}) {
        CAPTURE(generations);
        CHECK(enumerate(1, generations, effort(6, 5, 4)) == "");
        CHECK(enumerate(2, generations, effort(5, 5, 4)) == "");
        CHECK(enumerate(3, generations, effort(5, 4, 3)) == "");
    }
}

TEST_CASE("handle pools of random shape agree with a model through long random runs") {
    for (std::uint64_t seed = 1; seed <= effort(60, 15, 4); ++seed) {
        CAPTURE(seed);
        REQUIRE(run_at_random<items>(seed, 4000) == "");
        REQUIRE(run_at_random<owners>(seed + 10'000, 4000) == "");
    }
}

TEST_CASE("few handle pools of random shape agree with a model through very long random runs") {
    for (std::uint64_t seed = 1001; seed <= 1003; ++seed) {
        CAPTURE(seed);
        const auto steps = static_cast<int>(effort(30'000, 8000, 1000));
        REQUIRE(run_at_random<items>(seed, steps) == "");
        REQUIRE(run_at_random<owners>(seed, steps) == "");
    }
}
