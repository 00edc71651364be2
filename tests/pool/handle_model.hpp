// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A handle pool beside a model of it: an array in which the last object fills a gap, a set of free
/// slots, and how often each slot was used. Every operation runs on both, and both must agree.

#include "millpond/pool/handle_pool.hpp"

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "handle_sound.hpp"

namespace millpond::test {

/// What is known of a pool from the outside.
template <class T>
struct handle_model {
    struct entry {
        handle<T> named;
        std::uint64_t value = 0;
    };

    std::vector<entry> objects;      ///< as in the pool's array
    std::vector<handle<T>> stale;    ///< every handle that was good once
    std::vector<std::uint64_t> uses; ///< of each slot that was ever used
    std::set<std::size_t> free;      ///< slots
    std::size_t retired = 0;
    std::size_t peak = 0;
};

/// Runs operations on a pool and its model. `Value` reads an object's number.
template <class T, class Value>
class modelled_pool {
public:
    modelled_pool(handle_pool<T>& pool, std::uint64_t generations, Value value)
        : pool_(pool)
        , generations_(generations)
        , value_(value) {}

    template <class... Arguments>
    void create(std::uint64_t value, Arguments&&... arguments) {
        const bool room = has_room();
        const handle<T> made = pool_.try_create(std::forward<Arguments>(arguments)...);
        if (static_cast<bool>(made) != room) {
            fault_ = "an object was refused or invented";
        } else if (made) {
            take_slot(made);
            model_.objects.push_back({made, value});
        }
    }

    /// `body` runs a constructor that throws, and gives the handle that it was told; the null handle
    /// when it did not run.
    template <class Body>
    void create_in_vain(Body body) {
        const bool room = has_room();
        const handle<T> told = body();
        if (static_cast<bool>(told) != room) {
            fault_ = "a constructor ran in a full pool, or did not run in another";
        } else if (told) {
            take_slot(told);
            forget(told);
        }
    }

    void destroy(std::size_t index) {
        const handle<T> named = model_.objects[index].named;
        if (!pool_.destroy(named)) {
            fault_ = "a live object was not destroyed";
        }
        model_.objects[index] = model_.objects.back();
        model_.objects.pop_back();
        forget(named);
    }

    void destroy_stale(std::size_t index) {
        if (pool_.destroy(model_.stale[index])) {
            fault_ = "a stale handle destroyed something";
        }
    }

    void clear() {
        pool_.clear();
        while (!model_.objects.empty()) {
            forget(model_.objects.back().named);
            model_.objects.pop_back();
        }
    }

    void move_away_and_back() {
        handle_pool<T> other(std::move(pool_));
        if (!pool_.empty() ||
            (!model_.objects.empty() && pool_.contains(model_.objects[0].named))) {
            fault_ = "a pool that was moved from is not empty";
        }
        pool_ = std::move(other);
    }

    void save() {
        saved_.resize(pool_.snapshot_bytes());
        if (pool_.snapshot(saved_) != saved_.size()) {
            fault_ = "a snapshot has another size than was said";
        }
        saved_model_ = model_;
    }

    /// What happened since `save` has not happened, but for the peak.
    void load() {
        if (!saved_.empty()) {
            const std::size_t peak = model_.peak;
            pool_.restore(saved_);
            model_ = saved_model_;
            model_.peak = std::max(model_.peak, peak);
        }
    }

    /// Looks at everything if `whole`, else at a little.
    void check(bool whole) {
        if (pool_.size() != model_.objects.size() || pool_.retired() != model_.retired ||
            pool_.high_water() != model_.peak) {
            fault_ = "size, retired or high water differ from the model";
            return;
        }
        const std::size_t step = whole ? 1 : 1 + model_.objects.size() / 4;
        for (std::size_t i = 0; i < model_.objects.size(); i += step) {
            const auto& [named, value] = model_.objects[i];
            if (pool_.get(named) != pool_.begin() + i || value_(pool_.objects()[i]) != value) {
                fault_ = "a handle leads to another object, or the object has changed";
            }
        }
        const std::size_t stale_step = whole ? 1 : 1 + model_.stale.size() / 4;
        for (std::size_t i = 0; i < model_.stale.size(); i += stale_step) {
            if (pool_.get(model_.stale[i]) != nullptr) {
                fault_ = "a stale handle leads somewhere";
            }
        }
        if (whole && fault_.empty()) {
            fault_ = fault_of_handles(pool_);
        }
    }

    [[nodiscard]] const handle_model<T>& model() const { return model_; }

    [[nodiscard]] const std::string& fault() const { return fault_; }

private:
    [[nodiscard]] bool has_room() const {
        return model_.objects.size() + model_.retired < pool_.stats().max_capacity;
    }

    [[nodiscard]] int slot_bits() const {
        return static_cast<int>(std::bit_width(pool_.stats().max_capacity - 1));
    }

    [[nodiscard]] std::size_t slot_of(handle<T> named) const {
        return named.value() & ((std::uint64_t{1} << slot_bits()) - 1);
    }

    /// A handle's slot is a free one, or the next if none is free, and its generation how often that
    /// was used.
    void take_slot(handle<T> made) {
        const std::size_t slot = slot_of(made);
        if (model_.free.empty() && slot == model_.uses.size()) {
            model_.uses.push_back(0);
        } else if (model_.free.erase(slot) == 0) {
            fault_ = "a handle has a slot that is not free";
            return;
        }
        const std::uint64_t rest = made.value() & ~(std::uint64_t{0xff} << 56);
        if (rest != (model_.uses[slot] << slot_bits() | slot) || made.value() >> 56 == 0) {
            fault_ = "a handle has another generation, or no tag";
        }
        model_.peak = std::max(model_.peak, model_.objects.size() + 1);
    }

    void forget(handle<T> named) {
        model_.stale.push_back(named);
        const std::size_t slot = slot_of(named);
        if (++model_.uses[slot] == generations_) {
            ++model_.retired;
        } else {
            model_.free.insert(slot);
        }
    }

    handle_pool<T>& pool_;
    std::uint64_t generations_; ///< 0: without an end
    Value value_;
    handle_model<T> model_;
    handle_model<T> saved_model_;
    std::vector<std::byte> saved_;
    std::string fault_;
};

} // namespace millpond::test
