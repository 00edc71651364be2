// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// The bounded ring between one producer and one consumer, the same for every contender.
///
/// Each side keeps the last position of the other that it has seen and looks again only when that
/// says full or empty, so that the positions' cache lines rarely move (rigtorp's SPSCQueue). A side
/// that has to wait steps back for some microseconds. Looking at once would have both chase one
/// another's line, for 100 ns a block, and nothing else would be measured.

#include <atomic>
#include <bit>
#include <cstddef>
#include <vector>

#include "crew.hpp"

namespace millpond::bench {

class spsc_ring {
public:
    /// Room for that many pointers, rounded up to a power of two.
    explicit spsc_ring(std::size_t capacity)
        : slots_(std::bit_ceil(capacity))
        , mask_(slots_.size() - 1) {}

    /// The producer's side; false when the ring is full.
    [[nodiscard, gnu::always_inline]] bool try_push(void* item) noexcept {
        const std::size_t at = written_.load(std::memory_order_relaxed);
        if (at - read_seen_ == slots_.size()) {
            read_seen_ = read_.load(std::memory_order_acquire); // pairs with the release in try_pop
            if (at - read_seen_ == slots_.size()) {
                return false;
            }
        }
        slots_[at & mask_] = item;
        written_.store(at + 1, std::memory_order_release); // pairs with the acquire in try_pop
        return true;
    }

    /// The consumer's side; nullptr when the ring is empty.
    [[nodiscard, gnu::always_inline]] void* try_pop() noexcept {
        const std::size_t at = read_.load(std::memory_order_relaxed);
        if (at == written_seen_) {
            written_seen_ = written_.load(std::memory_order_acquire); // pairs with try_push
            if (at == written_seen_) {
                return nullptr;
            }
        }
        void* const item = slots_[at & mask_];
        read_.store(at + 1, std::memory_order_release); // pairs with the acquire in try_push
        return item;
    }

    [[gnu::always_inline]] void push(void* item) noexcept {
        if (!try_push(item)) [[unlikely]] {
            push_slow(item);
        }
    }

    [[nodiscard, gnu::always_inline]] void* pop() noexcept {
        void* const item = try_pop();
        return item != nullptr ? item : pop_slow();
    }

private:
    static constexpr unsigned pauses_of_a_look = 128;

    [[gnu::noinline]] void push_slow(void* item) noexcept {
        patience waiting(pauses_of_a_look);
        do {
            waiting.wait();
        } while (!try_push(item));
    }

    [[nodiscard, gnu::noinline]] void* pop_slow() noexcept {
        patience waiting(pauses_of_a_look);
        void* item = nullptr;
        do {
            waiting.wait();
            item = try_pop();
        } while (item == nullptr);
        return item;
    }

    std::vector<void*> slots_;
    std::size_t mask_;
    alignas(apart_bytes) std::atomic<std::size_t> written_ = 0; // by the producer
    alignas(apart_bytes) std::size_t read_seen_ = 0;            // the producer's own
    alignas(apart_bytes) std::atomic<std::size_t> read_ = 0;    // by the consumer
    alignas(apart_bytes) std::size_t written_seen_ = 0;         // the consumer's own
};

} // namespace millpond::bench
