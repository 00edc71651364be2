// SPDX-License-Identifier: MIT
/// \file
/// Ways to visit what is alive: millpond's iterator, a colony, and what users keep beside a pool
/// that cannot iterate.

#include "millpond/pool/object_pool.hpp"

#include <cstdint>
#include <vector>

#include "contenders/registry.hpp"
#include "patterns/iterate.hpp"

#if __has_include(<plf_colony.h>)
#    include <plf_colony.h>
#endif

namespace millpond::bench {

namespace {

/// The floor: the live objects side by side, nothing between them.
class dense_array {
public:
    explicit dense_array(std::size_t objects)
        : is_alive_(objects, true) {}

    void destroy(std::size_t i) { is_alive_[i] = false; }

    void settle() {
        for (std::size_t i = 0; i < is_alive_.size(); ++i) {
            if (is_alive_[i]) {
                alive_.emplace_back(i + 1);
            }
        }
    }

    [[nodiscard]] std::uint64_t sum() const {
        std::uint64_t sum = 0;
        for (const visitor& one : alive_) {
            sum += one.value;
        }
        return sum;
    }

private:
    std::vector<bool> is_alive_;
    std::vector<visitor> alive_;
};

class millpond_objects {
public:
    explicit millpond_objects(std::size_t objects)
        : pool_({.name = "visitors", .capacity = objects}) {
        for (std::size_t i = 0; i < objects; ++i) {
            made_.push_back(pool_.create(i + 1));
        }
    }

    void destroy(std::size_t i) { pool_.destroy(made_[i]); }

    void settle() {}

    [[nodiscard]] std::uint64_t sum() const {
        std::uint64_t sum = 0;
        for (const visitor& one : pool_) {
            sum += one.value;
        }
        return sum;
    }

private:
    object_pool<visitor> pool_;
    std::vector<visitor*> made_;
};

/// A pool that cannot iterate, and the addresses of its live objects in a vector: the one that goes
/// is replaced by the last, so their order becomes random, as it does in programs.
class addresses_beside_a_pool {
public:
    explicit addresses_beside_a_pool(std::size_t objects) {
        memory_.reserve(objects);
        for (std::size_t i = 0; i < objects; ++i) {
            memory_.emplace_back(i + 1);
            alive_.push_back(&memory_.back());
            place_.push_back(i);
        }
    }

    void destroy(std::size_t i) {
        const std::size_t place = place_[i];
        alive_[place] = alive_.back();
        place_[static_cast<std::size_t>(alive_[place] - memory_.data())] = place;
        alive_.pop_back();
    }

    void settle() {}

    [[nodiscard]] std::uint64_t sum() const {
        std::uint64_t sum = 0;
        for (const visitor* const one : alive_) {
            sum += one->value;
        }
        return sum;
    }

private:
    std::vector<visitor> memory_;
    std::vector<const visitor*> alive_;
    std::vector<std::size_t> place_; ///< of each object in alive_
};

#if __has_include(<plf_colony.h>)
class colony {
public:
    explicit colony(std::size_t objects) {
        colony_.reserve(objects);
        for (std::size_t i = 0; i < objects; ++i) {
            made_.push_back(colony_.emplace(i + 1));
        }
    }

    void destroy(std::size_t i) { colony_.erase(made_[i]); }

    void settle() {}

    [[nodiscard]] std::uint64_t sum() const {
        std::uint64_t sum = 0;
        for (const visitor& one : colony_) {
            sum += one.value;
        }
        return sum;
    }

private:
    plf::colony<visitor> colony_;
    std::vector<plf::colony<visitor>::iterator> made_;
};
#endif

} // namespace

std::vector<contender> iteration_contenders() {
    std::vector<contender> found = {
        {.name = "floor (dense array)",
         .what = "the live objects side by side in a vector",
         .abilities = iterates,
         .run = measure_iterate<dense_array>},
        {.name = "millpond object_pool (iteration)",
         .what = "range-for over the pool",
         .abilities = iterates,
         .run = measure_iterate<millpond_objects>},
        {.name = "addresses in a vector",
         .what = "beside a pool that cannot iterate; swap and pop",
         .abilities = iterates,
         .run = measure_iterate<addresses_beside_a_pool>},
    };
#if __has_include(<plf_colony.h>)
    found.push_back({.name = "plf::colony",
                     .what = "range-for over the colony, reserved",
                     .abilities = iterates,
                     .run = measure_iterate<colony>,
                     .package = "libplf-colony-dev"});
#endif
    return found;
}

} // namespace millpond::bench
