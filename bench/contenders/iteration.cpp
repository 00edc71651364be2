// SPDX-License-Identifier: MIT
/// \file
/// Ways to visit what is alive, and what they cost when it comes and goes: millpond's pools, a colony, a
/// sparse set, and what users keep beside a pool that cannot iterate.

#include "millpond/pool/handle_pool.hpp"
#include "millpond/pool/object_pool.hpp"

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <utility>
#include <vector>

#include "contenders/registry.hpp"
#include "contenders/sparse_set.hpp"
#include "patterns/insert_erase.hpp"
#include "patterns/iterate.hpp"

#if __has_include(<plf_colony.h>)
#    include <plf_colony.h>
#endif

namespace millpond::bench {

namespace {

/// The values of a range of visitors.
template <class Range>
std::uint64_t sum_of(const Range& visitors) {
    std::uint64_t sum = 0;
    for (const visitor& one : visitors) {
        sum += one.value;
    }
    return sum;
}

/// The floor of iteration: the live objects side by side, nothing between them.
class dense_array {
public:
    using key = std::size_t;

    explicit dense_array(std::size_t objects) { is_alive_.reserve(objects); }

    key create(std::uint64_t value) {
        is_alive_.push_back(true);
        return value - 1;
    }

    void destroy(key i) { is_alive_[i] = false; }

    void settle() {
        for (std::size_t i = 0; i < is_alive_.size(); ++i) {
            if (is_alive_[i]) {
                alive_.emplace_back(i + 1);
            }
        }
    }

    [[nodiscard]] std::uint64_t sum() const { return sum_of(alive_); }

private:
    std::vector<bool> is_alive_;
    std::vector<visitor> alive_;
};

/// What the pool's `create` returns leads to the object.
template <class Pool>
class pool_of_visitors {
public:
    using key = decltype(std::declval<Pool&>().create(std::uint64_t{}));

    explicit pool_of_visitors(std::size_t objects)
        : pool_({.name = "visitors", .capacity = objects}) {}

    key create(std::uint64_t value) { return pool_.create(value); }

    void destroy(key which) { pool_.destroy(which); }

    void settle() {}

    [[nodiscard]] std::uint64_t sum() const { return sum_of(pool_); }

private:
    Pool pool_;
};

using millpond_objects = pool_of_visitors<object_pool<visitor>>;
using millpond_handles = pool_of_visitors<handle_pool<visitor>>;

/// Identities with a version, objects side by side.
class entities {
public:
    using key = sparse_set<visitor>::identity;

    explicit entities(std::size_t objects) { set_.reserve(objects); }

    key create(std::uint64_t value) { return set_.create(value); }

    void destroy(key which) { set_.destroy(which); }

    void settle() {}

    [[nodiscard]] std::uint64_t sum() const { return sum_of(set_.objects()); }

private:
    sparse_set<visitor> set_;
};

/// A pool that cannot iterate, here an array and a stack of free places, and the addresses of its live
/// objects in a vector: the one that goes is replaced by the last, so their order becomes random, as
/// it does in programs.
class addresses_beside_a_pool {
public:
    using key = visitor*;

    explicit addresses_beside_a_pool(std::size_t objects) {
        memory_.reserve(objects);
        alive_.reserve(objects);
        place_.reserve(objects);
        free_.reserve(objects);
    }

    key create(std::uint64_t value) {
        key made = nullptr;
        if (free_.empty()) {
            made = &memory_.emplace_back(value);
            place_.push_back(alive_.size());
        } else {
            made = std::construct_at(free_.back(), value);
            free_.pop_back();
            place_[index_of(made)] = alive_.size();
        }
        alive_.push_back(made);
        return made;
    }

    void destroy(key which) {
        const std::size_t place = place_[index_of(which)];
        alive_[place] = alive_.back();
        place_[index_of(alive_[place])] = place;
        alive_.pop_back();
        free_.push_back(which);
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
    [[nodiscard]] std::size_t index_of(const visitor* one) const {
        return static_cast<std::size_t>(one - memory_.data());
    }

    std::vector<visitor> memory_;
    std::vector<visitor*> alive_;
    std::vector<std::size_t> place_; ///< of each object in alive_
    std::vector<visitor*> free_;
};

#if __has_include(<plf_colony.h>)
class colony {
public:
    using key = plf::colony<visitor>::iterator;

    explicit colony(std::size_t objects) { colony_.reserve(objects); }

    key create(std::uint64_t value) { return colony_.emplace(value); }

    void destroy(const key& which) { colony_.erase(which); }

    void settle() {}

    [[nodiscard]] std::uint64_t sum() const { return sum_of(colony_); }

private:
    plf::colony<visitor> colony_;
};
#endif

template <class Crowd>
outcome run_crowd(const task& asked) {
    switch (asked.what) {
    case pattern::iterate:
        return measure_iterate<Crowd>(asked);
    case pattern::insert_erase:
        return measure_insert_erase<Crowd>(asked);
    default:
        throw std::invalid_argument("this contender does not run this pattern");
    }
}

} // namespace

std::vector<contender> iteration_contenders() {
    std::vector<contender> found = {
        {.name = "floor (dense array)",
         .what = "the live objects side by side in a vector",
         .abilities = iterates,
         .run = run_crowd<dense_array>},
        {.name = "millpond object_pool (iteration)",
         .what = "range-for over the pool; by address",
         .abilities = iterates | keeps_a_crowd,
         .run = run_crowd<millpond_objects>},
        {.name = "millpond handle_pool",
         .what = "range-for over the pool; by handle",
         .abilities = iterates | keeps_a_crowd,
         .run = run_crowd<millpond_handles>},
        {.name = "sparse set",
         .what = "a vector of objects, an array of places and versions; as in entity systems",
         .abilities = iterates | keeps_a_crowd,
         .run = run_crowd<entities>},
        {.name = "addresses in a vector",
         .what = "beside a pool that cannot iterate; swap and pop",
         .abilities = iterates | keeps_a_crowd,
         .run = run_crowd<addresses_beside_a_pool>},
    };
#if __has_include(<plf_colony.h>)
    found.push_back({.name = "plf::colony",
                     .what = "range-for over the colony, reserved; by iterator",
                     .abilities = iterates | keeps_a_crowd,
                     .run = run_crowd<colony>,
                     .package = "libplf-colony-dev"});
#endif
    return found;
}

} // namespace millpond::bench
