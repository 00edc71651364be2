// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// A sparse set as the entity systems of games have it, in the fewest lines: objects side by side in
/// one vector, and an array that says where the object of each identity lies, with a version. What it
/// has not: memory of its own, an end of versions, checks.

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace millpond::bench {

template <class T>
class sparse_set {
public:
    struct identity {
        std::uint32_t number = 0;
        std::uint32_t version = 0;
    };

    void reserve(std::size_t objects) {
        objects_.reserve(objects);
        numbers_.reserve(objects);
        sparse_.reserve(objects);
    }

    template <class... Arguments>
    identity create(Arguments&&... arguments) {
        const auto place = static_cast<std::uint32_t>(objects_.size());
        std::uint32_t number = free_;
        if (number == none) {
            number = static_cast<std::uint32_t>(sparse_.size());
            sparse_.push_back({place, 0});
        } else {
            free_ = std::exchange(sparse_[number].place, place);
        }
        objects_.emplace_back(std::forward<Arguments>(arguments)...);
        numbers_.push_back(number);
        return {number, sparse_[number].version};
    }

    bool destroy(identity which) {
        if (which.number >= sparse_.size() || sparse_[which.number].version != which.version) {
            return false;
        }
        entry& gone = sparse_[which.number];
        if (gone.place != objects_.size() - 1) {
            objects_[gone.place] = std::move(objects_.back());
            numbers_[gone.place] = numbers_.back();
            sparse_[numbers_.back()].place = gone.place;
        }
        objects_.pop_back();
        numbers_.pop_back();
        ++gone.version;
        gone.place = std::exchange(free_, which.number);
        return true;
    }

    [[nodiscard]] const std::vector<T>& objects() const { return objects_; }

private:
    static constexpr std::uint32_t none = ~std::uint32_t{0};

    struct entry {
        std::uint32_t place; ///< of the object; of a free one, the next free one
        std::uint32_t version;
    };

    std::vector<T> objects_;
    std::vector<std::uint32_t> numbers_; ///< whose each object is
    std::vector<entry> sparse_;
    std::uint32_t free_ = none;
};

} // namespace millpond::bench
