// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Threads that use concurrent pools without a system call of their own: they are started before and
/// never end, and wait by looking at a number.

#include "millpond/millpond.hpp"

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <thread>
#include <utility>

namespace millpond::guarantees {

/// The calling thread and others that do one task after another together.
class crew {
public:
    static constexpr std::size_t size = 3; ///< threads, with the one that gives the tasks

    using task = std::function<void(std::size_t who)>;

    crew() {
        for (std::size_t who = 1; who < size; ++who) {
            std::thread([this, who] { work(who); }).detach();
        }
    }

    crew(const crew&) = delete;
    crew& operator=(const crew&) = delete;
    ~crew() = delete; // its threads use it until the process ends

    /// Every thread does it; returns when all have.
    void together(const task& what) {
        task_ = &what;
        busy_.store(size);
        round_.fetch_add(1);
        what(0);
        busy_.fetch_sub(1);
        while (busy_.load() != 0) {
        }
    }

private:
    [[noreturn]] void work(std::size_t who) {
        for (int last = 0;; ++last) {
            while (round_.load() == last) {
            }
            (*task_)(who);
            busy_.fetch_sub(1);
        }
    }

    const task* task_ = nullptr;
    std::atomic<int> round_ = 0;
    std::atomic<std::size_t> busy_ = 0;
};

/// Threads that give each other's blocks back: each puts what it allocates into a place that all know,
/// and frees what it finds there.
template <class Block>
class exchange {
public:
    /// `take()` gives a block or nullptr, `give(block)` frees one. The level wanders between empty and
    /// full, because there are more places than blocks.
    template <class Take, class Give>
    void use(std::size_t who, int steps, Take take, Give give) {
        std::uint64_t random = 88172645463325252U + who;
        for (int step = 0; step < steps; ++step) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            const bool growing = (step / 100'000 % 2 == 0) != (random % 8 == 0);
            Block* const block = growing ? take() : nullptr;
            if (block != nullptr) {
                std::memset(static_cast<void*>(block), 0x5a, 48); // its page must be there
            }
            give(places_[random / 8 % places_.size()].exchange(block));
        }
    }

    /// Frees what is left.
    template <class Give>
    void empty(Give give) {
        for (std::atomic<Block*>& place : places_) {
            give(place.exchange(nullptr));
        }
    }

private:
    std::array<std::atomic<Block*>, 32'768> places_{};
};

inline exchange<void> shared_blocks;

/// Two million calls and more by all threads together: through the pool, a thread's view, the form for
/// signal handlers, and in bulk.
inline void use_shared_blocks(crew& threads, concurrent_block_pool& pool) {
    threads.together([&](std::size_t who) {
        auto view = pool.local();
        std::array<void*, 64> some{};
        std::uint32_t turn = 0;
        shared_blocks.use(
            who,
            700'000,
            [&]() -> void* {
                ++turn;
                if (turn % 256 == 0) {
                    pool.deallocate_bulk(std::span(some).first(pool.try_allocate_bulk(some)));
                }
                return turn % 16 == 0  ? pool.try_allocate_direct()
                       : turn % 2 == 0 ? pool.try_allocate()
                                       : view.try_allocate();
            },
            [&](void* block) {
                ++turn;
                turn % 16 == 0  ? pool.deallocate_direct(block)
                : turn % 2 == 0 ? pool.deallocate(block)
                                : view.deallocate(block);
            });
    });
    shared_blocks.empty([&](void* block) { pool.deallocate(block); });
}

/// The same with objects.
template <class T>
void use_shared_objects(crew& threads, concurrent_object_pool<T>& pool) {
    static exchange<T> shared_objects;
    threads.together([&](std::size_t who) {
        shared_objects.use(
            who,
            700'000,
            [&] { return pool.try_create(who); },
            [&](T* object) { pool.destroy(object); });
    });
    shared_objects.empty([&](T* object) { pool.destroy(object); });
}

} // namespace millpond::guarantees
