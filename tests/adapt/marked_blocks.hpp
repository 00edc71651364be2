// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Blocks that say of themselves how large they are, so that whoever finds one can check and free it, and
/// places where threads leave them for each other.

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "filled.hpp"
#include "support/sanitized.hpp"

namespace millpond::test {

/// At the beginning of a block; the rest is filled with the lowest byte of `bytes`.
struct mark {
    std::uint64_t bytes = 0;
    std::uint64_t alignment = 0;
};

/// A random number, cheap and without a lock.
class dice {
public:
    explicit dice(std::size_t seed)
        : state_(88172645463325252U + seed) {}

    std::size_t below(std::size_t limit) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<std::size_t>(state_ % limit);
    }

    /// A size of any magnitude up to `most`, no smaller than a mark.
    std::size_t size(std::size_t most) {
        const std::size_t limit = std::size_t{32} << below(14);
        return sizeof(mark) + below(std::min(limit, most - sizeof(mark) + 1));
    }

private:
    std::uint64_t state_;
};

template <class Resource>
void* take_marked(Resource& resource, std::size_t bytes, std::size_t alignment) {
    void* const block = resource.allocate(bytes, alignment);
    std::memset(block, static_cast<int>(bytes % 256), bytes);
    const mark own{bytes, alignment};
    std::memcpy(block, &own, sizeof own);
    return block;
}

/// Frees a block; false when it is not as it was left.
template <class Resource>
bool give_marked(Resource& resource, void* block) {
    mark own;
    std::memcpy(&own, block, sizeof own);
    const bool untouched = is_filled_with(static_cast<unsigned char>(own.bytes % 256),
                                          static_cast<const std::byte*>(block) + sizeof own,
                                          own.bytes - sizeof own);
    std::memset(block, 0xdd, own.bytes);
    resource.deallocate(block, own.bytes, own.alignment);
    return untouched;
}

/// Where blocks wait for any thread.
class market {
public:
    /// So many times: allocates a block or not, leaves it in some place, and frees what was there. False
    /// when a block was not as it was left.
    template <class Resource>
    bool trade(Resource& resource, std::size_t self, int steps, std::size_t most_bytes) {
        dice random(self);
        bool untouched = true;
        for (int step = 0; step < steps; ++step) {
            void* block = nullptr;
            if (random.below(4) != 0) {
                block = take_marked(
                    resource, random.size(most_bytes), std::size_t{1} << random.below(8));
            }
            block = places_[random.below(places_.size())].exchange(block);
            untouched = (block == nullptr || give_marked(resource, block)) && untouched;
        }
        return untouched;
    }

    /// Frees what is left.
    template <class Resource>
    bool close(Resource& resource) {
        bool untouched = true;
        for (auto& place : places_) {
            void* const block = place.exchange(nullptr);
            untouched = (block == nullptr || give_marked(resource, block)) && untouched;
        }
        return untouched;
    }

private:
    std::array<std::atomic<void*>, 64> places_{};
};

/// For resources on pages of their own: ThreadSanitizer has no room for the address space that they take
/// when nobody limits it.
inline constexpr std::size_t enough_bytes = sanitized ? std::size_t{1} << 28 : 0;

} // namespace millpond::test
