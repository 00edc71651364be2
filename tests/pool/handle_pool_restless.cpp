// SPDX-License-Identifier: MIT
/// \file
/// A handle_pool whose objects use it at random whenever a constructor, destructor or move constructor of
/// theirs runs, against a map.

#include "millpond/pool/handle_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "handle_sound.hpp"
#include "support/sanitized.hpp"
#include <doctest/doctest.h>

using millpond::handle;
using millpond::handle_pool;

namespace {

/// A pool of restless objects, and what must be in it.
struct world;

/// Does something to its pool, at random, whenever it is made, moved and destroyed, and when what a
/// move has left behind is destroyed.
struct restless {
    restless(world& all, int which, bool throws);
    restless(restless&& other) noexcept;
    restless(const restless&) = delete;
    restless& operator=(const restless&) = delete;
    restless& operator=(restless&&) = delete;
    ~restless();

    world* home;
    int number; ///< -1: moved from
};

struct world {
    explicit world(std::uint64_t seed)
        : random(seed)
        , pool({.name = "restless",
                .capacity = 1 + below(20),
                .max_capacity = 25,
                .memory = {.source = millpond::memory_source::heap},
                .generations = below(3) == 0 ? 40U : 0U}) {}

    std::size_t below(std::size_t limit) { return random() % limit; }

    [[nodiscard]] bool is_busy(int number) const {
        return std::find(busy.begin(), busy.end(), number) != busy.end();
    }

    void fail(const char* text) {
        if (fault.empty()) {
            fault = text;
        }
    }

    void act_inside() {
        if (depth < 3 && fault.empty()) {
            ++depth;
            for (std::size_t times = below(3); times != 0; --times) {
                act();
            }
            --depth;
        }
    }

    void act() {
        switch (below(12)) {
        case 0:
            if (below(8) == 0) {
                pool.clear();
            }
            break;
        case 1:
            if (!stale.empty() && pool.destroy(stale[below(stale.size())])) {
                fail("a stale handle destroyed something");
            }
            break;
        case 2:
        case 3:
        case 4:
        case 5:
        case 6:
            destroy_one();
            break;
        default:
            create_one();
        }
        check();
    }

    void create_one() {
        const bool outside = busy.empty();
        const bool room = live.size() < pool.stats().max_capacity - pool.retired();
        const int number = next++;
        try {
            if (const handle<restless> made = pool.try_create(*this, number, below(8) == 0)) {
                const auto mine = live.find(number);
                if (mine != live.end() && mine->second != made) {
                    fail("an object was told another handle");
                }
            } else if (outside && room) {
                fail("an object was refused");
            }
        } catch (const std::runtime_error&) {
        }
    }

    void destroy_one() {
        if (live.empty()) {
            return;
        }
        const auto [number, named] =
            *std::next(live.begin(), static_cast<std::ptrdiff_t>(below(live.size())));
        const bool expected = !is_busy(number);
        if (pool.destroy(named) != expected) {
            fail("destroy went wrong");
        }
    }

    void check() {
        for (const auto& [number, named] : live) {
            const restless* const found = pool.get(named);
            if ((found != nullptr) == is_busy(number)) {
                fail("a handle leads nowhere, or to a busy object");
            } else if (found != nullptr &&
                       (found->number != number || pool.handle_of(*found) != named)) {
                fail("a handle leads to another object");
            }
        }
        for (const handle<restless> named : stale) {
            if (pool.contains(named)) {
                fail("a stale handle leads somewhere");
            }
        }
        for (const restless& each : pool) {
            if (!live.contains(each.number) && !is_busy(each.number)) {
                fail("there is something in the array that is no object");
            }
        }
        if (const millpond::verdict found = pool.verify(); !found) {
            fail(found.fault);
        }
        if (busy.empty() && (pool.size() != live.size() || pool.objects().size() != live.size())) {
            fail("size differs from the model");
        }
    }

    std::mt19937_64 random;
    std::map<int, handle<restless>> live;
    std::vector<handle<restless>> stale;
    std::vector<int> busy; ///< numbers of objects being made, moved or destroyed
    int next = 0;
    int depth = 0;
    std::string fault;
    handle_pool<restless> pool; // last: its destructor uses the rest
};

restless::restless(world& all, int which, bool throws)
    : home(&all)
    , number(which) {
    home->busy.push_back(number);
    home->act_inside();
    home->busy.pop_back();
    if (throws) {
        throw std::runtime_error("restless");
    }
    home->live.emplace(number, home->pool.handle_of(*this));
}

restless::restless(restless&& other) noexcept
    : home(other.home)
    , number(std::exchange(other.number, -1)) {
    home->busy.push_back(number); // until the other is gone
    home->act_inside();
}

restless::~restless() {
    if (number == -1) {
        home->act_inside();
        home->busy.pop_back();
        return;
    }
    const auto mine = home->live.find(number);
    if (mine == home->live.end()) {
        home->fail("something was destroyed that did not live");
        return;
    }
    home->stale.push_back(mine->second);
    home->live.erase(mine);
    home->busy.push_back(number);
    home->act_inside();
    home->busy.pop_back();
}

} // namespace

TEST_CASE("objects that create and destroy at random in every constructor and destructor agree "
          "with a map") {
    for (std::uint64_t seed = 1; seed <= millpond::test::effort(400U, 150U, 20U); ++seed) {
        CAPTURE(seed);
        world all(seed);
        for (int step = 0; step < 150 && all.fault.empty(); ++step) {
            all.act();
            all.stale.erase(all.stale.begin(),
                            all.stale.size() > 40 ? all.stale.end() - 40 : all.stale.begin());
        }
        REQUIRE(all.fault == "");
        REQUIRE_HANDLES_SOUND(all.pool);
        all.depth = 99; // enough
    }
}
