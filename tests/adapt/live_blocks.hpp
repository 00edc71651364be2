// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The blocks that a test has from a resource, and what must hold of them: they are aligned, no two
/// overlap, and nobody writes to them.

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iterator>
#include <map>
#include <string>

#include "filled.hpp"

namespace millpond::test {

template <class Resource>
class live_blocks {
public:
    struct block {
        std::size_t bytes = 0;
        std::size_t alignment = 0;
        unsigned char value = 0; ///< in every byte
    };

    explicit live_blocks(Resource& resource)
        : resource_(resource) {}

    live_blocks(const live_blocks&) = delete;
    live_blocks& operator=(const live_blocks&) = delete;
    ~live_blocks() = default; // what is left is the test's business

    /// Allocates a block, and lets through what the resource throws.
    std::byte* take(std::size_t bytes, std::size_t alignment) {
        auto* const place = static_cast<std::byte*>(resource_.allocate(bytes, alignment));
        if (reinterpret_cast<std::uintptr_t>(place) % alignment != 0) {
            note("a block is not aligned to " + std::to_string(alignment));
        }
        const auto after = blocks_.lower_bound(place);
        // A block without bytes has an address of its own all the same.
        const bool meets_next =
            after != blocks_.end() && place + std::max<std::size_t>(bytes, 1) > after->first;
        const bool meets_last = after != blocks_.begin() &&
                                std::prev(after)->first + bytes_of(std::prev(after)) > place;
        if (meets_next || meets_last) {
            note("two live blocks overlap");
        }
        next_value_ = static_cast<unsigned char>(next_value_ * 5 + 3);
        std::memset(place, next_value_, bytes);
        blocks_[place] = {bytes, alignment, next_value_};
        bytes_ += bytes;
        return place;
    }

    /// Frees the i-th in address order, after a look at its contents.
    void give(std::size_t i) { give(std::next(blocks_.begin(), static_cast<std::ptrdiff_t>(i))); }

    /// The same for a block by its address.
    void give_back(std::byte* place) { give(blocks_.find(place)); }

    void give_all() {
        while (!blocks_.empty()) {
            give(blocks_.begin());
        }
    }

    /// Forgets all without freeing them: the resource has taken them back itself.
    void forget() {
        blocks_.clear();
        bytes_ = 0;
    }

    void check_contents() {
        for (const auto& [place, one] : blocks_) {
            check_contents(place, one);
        }
    }

    [[nodiscard]] std::size_t size() const { return blocks_.size(); }

    /// Of all of them together, as they were asked for.
    [[nodiscard]] std::size_t bytes() const { return bytes_; }

    [[nodiscard]] const auto& all() const { return blocks_; }

    /// The first thing that went wrong; empty when nothing did.
    [[nodiscard]] const std::string& fault() const { return fault_; }

private:
    using iterator = typename std::map<std::byte*, block, std::less<>>::iterator;

    static std::size_t bytes_of(iterator one) {
        return std::max<std::size_t>(one->second.bytes, 1);
    }

    void give(iterator one) {
        check_contents(one->first, one->second);
        resource_.deallocate(one->first, one->second.bytes, one->second.alignment);
        bytes_ -= one->second.bytes;
        blocks_.erase(one);
    }

    void check_contents(const std::byte* place, const block& one) {
        if (!is_filled_with(one.value, place, one.bytes)) {
            note("a live block was written to");
        }
    }

    void note(const std::string& what) {
        if (fault_.empty()) {
            fault_ = what;
        }
    }

    Resource& resource_;
    std::map<std::byte*, block, std::less<>> blocks_;
    std::size_t bytes_ = 0;
    unsigned char next_value_ = 1;
    std::string fault_;
};

} // namespace millpond::test
