// SPDX-License-Identifier: MIT
/// \file
/// Random runs of `make_shared`, copies and resets against a model that counts: every object lives as
/// long as it has an owner, every control block as long as it has an owner or a weak pointer.

#include "millpond/pool/object_pool.hpp"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "sound.hpp"
#include "support/sanitized.hpp"
#include <doctest/doctest.h>

namespace {

struct numbered {
    static inline std::map<int, int> alive; ///< by number

    explicit numbered(int given)
        : number(given) {
        ++alive[number];
    }

    numbered(const numbered&) = delete;
    numbered& operator=(const numbered&) = delete;

    ~numbered() {
        if (--alive[number] == 0) {
            alive.erase(number);
        }
    }

    int number;
};

/// One pool, its owners, and how many of them each object has.
class random_run {
public:
    explicit random_run(std::uint64_t seed)
        : random_(seed)
        , most_(1 + below(80)) {
        const std::size_t capacity = 1 + below(most_);
        pool_.emplace(millpond::object_pool_options{
            .name = "model",
            .capacity = capacity,
            .max_capacity = most_,
            .memory = {.source = static_cast<millpond::memory_source>(below(2))}});
    }

    /// What went wrong in so many steps; empty when nothing did.
    std::string run(int steps) {
        for (int step = 0; step < steps && fault_.empty(); ++step) {
            do_one();
            check(below(50) == 0);
        }
        check(true);
        owners_.clear();
        pool_.reset(); // the weak pointers stay
        if (!numbered::alive.empty()) {
            fault_ = "the pool is gone and objects are not";
        }
        weak_.clear();
        return fault_;
    }

private:
    struct owner {
        int number;
        std::shared_ptr<numbered> pointer;
    };

    struct weak_owner {
        int number;
        std::weak_ptr<numbered> pointer;
    };

    struct counts {
        std::size_t owners = 0;
        std::size_t weak = 0;
    };

    std::size_t below(std::size_t limit) { return random_() % limit; }

    void do_one() {
        switch (below(12)) {
        case 0:
        case 1:
        case 2:
            make();
            break;
        case 3:
            copy();
            break;
        case 4:
        case 5:
            drop(owners_, &counts::owners);
            break;
        case 6:
            observe();
            break;
        case 7:
            drop(weak_, &counts::weak);
            break;
        case 8:
            lock();
            break;
        case 9:
            plain();
            break;
        case 10:
            assign();
            break;
        default:
            if (below(20) == 0) {
                seldom();
            }
        }
    }

    [[nodiscard]] std::size_t objects() const {
        return plain_.size() +
               static_cast<std::size_t>(std::count_if(model_.begin(), model_.end(), [](auto& each) {
                   return each.second.owners != 0;
               }));
    }

    void make() {
        const bool full = objects() == most_;
        const bool no_controls = model_.size() == most_;
        const int number = next_++;
        try {
            owners_.push_back({number, pool_->make_shared(number)});
            model_[number].owners = 1;
            if (full || no_controls) {
                fault_ = "a full pool gave an object";
            }
        } catch (const millpond::pool_exhausted& error) {
            const std::string pool = full ? "'model' is" : "'model.shared' is";
            if (!(full || no_controls) ||
                std::string(error.what()).find(pool) == std::string::npos) {
                fault_ = error.what();
            }
        }
    }

    void copy() {
        if (!owners_.empty()) {
            const owner& from = owners_[below(owners_.size())];
            ++model_[from.number].owners;
            owners_.push_back(owner(from));
        }
    }

    /// Lets one owner take over what another has.
    void assign() {
        if (owners_.empty()) {
            return;
        }
        const owner from = owners_[below(owners_.size())];
        owner& to = owners_[below(owners_.size())];
        ++model_[from.number].owners;
        forget(to.number, &counts::owners);
        to = from;
    }

    void observe() {
        if (!owners_.empty()) {
            const owner& from = owners_[below(owners_.size())];
            ++model_[from.number].weak;
            weak_.push_back({from.number, from.pointer});
        }
    }

    void lock() {
        if (weak_.empty()) {
            return;
        }
        const weak_owner& from = weak_[below(weak_.size())];
        std::shared_ptr<numbered> found = from.pointer.lock();
        if ((found != nullptr) != (model_[from.number].owners != 0)) {
            fault_ = "a weak pointer and the model disagree";
        } else if (found != nullptr) {
            ++model_[from.number].owners;
            owners_.push_back({from.number, std::move(found)});
        }
    }

    template <class Owner>
    void drop(std::vector<Owner>& from, std::size_t counts::*count) {
        if (!from.empty()) {
            std::swap(from[below(from.size())], from.back());
            forget(from.back().number, count);
            from.pop_back();
        }
    }

    void forget(int number, std::size_t counts::*count) {
        const auto found = model_.find(number);
        --(found->second.*count);
        if (found->second.owners == 0 && found->second.weak == 0) {
            model_.erase(found);
        }
    }

    /// An object without owners.
    void plain() {
        if (below(2) == 0) {
            if (numbered* const made = pool_->try_create(next_++)) {
                plain_.push_back(made);
            }
        } else if (!plain_.empty()) {
            std::swap(plain_[below(plain_.size())], plain_.back());
            pool_->destroy(plain_.back());
            plain_.pop_back();
        }
    }

    void seldom() {
        switch (below(4)) {
        case 0:
            while (!owners_.empty()) {
                drop(owners_, &counts::owners);
            }
            pool_->clear();
            plain_.clear();
            break;
        case 1:
            (void)pool_->shrink();
            break;
        case 2:
            pool_->reserve(below(most_ + 1));
            break;
        default:
            millpond::object_pool<numbered> moved(std::move(*pool_));
            *pool_ = std::move(moved);
        }
    }

    void check(bool whole) {
        if (pool_->size() != objects() || numbered::alive.size() != objects()) {
            fault_ = "the objects differ from the model";
        }
        if (pool_->shared_stats().live != model_.size()) {
            fault_ = "the control blocks differ from the model";
        }
        for (const owner& each : owners_) {
            if (each.pointer->number != each.number ||
                static_cast<std::size_t>(each.pointer.use_count()) != model_[each.number].owners) {
                fault_ = "an owner has another object, or more or fewer beside it";
            }
        }
        if (whole && fault_.empty()) {
            fault_ = millpond::test::fault_of(*pool_);
        }
    }

    std::mt19937_64 random_;
    std::size_t most_; ///< objects and control blocks that there can be
    std::optional<millpond::object_pool<numbered>> pool_;
    std::vector<owner> owners_;
    std::vector<weak_owner> weak_;
    std::vector<numbered*> plain_;
    std::map<int, counts> model_; ///< by number: those that have a control block
    int next_ = 0;
    std::string fault_;
};

} // namespace

TEST_CASE("owners and weak pointers agree with a model that counts through long random runs") {
    for (int seed = 1; seed <= millpond::test::effort(60, 20, 4); ++seed) {
        CAPTURE(seed);
        REQUIRE(random_run(static_cast<std::uint64_t>(seed)).run(3000) == "");
    }
}
