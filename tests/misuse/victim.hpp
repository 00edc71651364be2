// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The pools that the programs of this folder misuse: one adapter over block_pool, object_pool and
/// the static pools, chosen by the first argument. Every pool is named "victim", has 3,000 blocks of
/// 64 bytes, and lies in static memory, so that a dead pool's memory stays readable.
///
/// A program prints addresses as `name=0x...` on standard output; run.py puts them into the line
/// that the program's head comment expects on standard error.

#include "millpond/millpond.hpp"

#include <array>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <utility>
#include <vector>

namespace misuse {

inline constexpr std::size_t capacity = 3000;
inline constexpr std::size_t block_bytes = 64;

/// Blocks that wait in the magazine of each of these pools before the oldest leaves it.
inline constexpr std::size_t magazine = millpond::detail::magazine_entries_most;
static_assert(millpond::detail::magazine_entries_for(capacity, block_bytes) == magazine);

/// Tells run.py an address by name.
inline void note(const char* name, const void* address) {
    std::printf("%s=%p\n", name, address);
    std::fflush(stdout);
}

/// Says on standard output when it is destroyed: run.py refuses a second time.
struct record {
    record() noexcept {}

    record(const record&) = delete;
    record& operator=(const record&) = delete;

    ~record() { note("destroyed", this); }

    std::array<char, block_bytes> text;
};

template <class Pool>
struct traits;

template <>
struct traits<millpond::block_pool> {
    static millpond::block_pool* make(void* place) {
        return ::new (place) millpond::block_pool({.name = "victim",
                                                   .block_bytes = block_bytes,
                                                   .capacity = capacity,
                                                   .leaks = millpond::leak_policy::ignore});
    }
};

template <>
struct traits<millpond::object_pool<record>> {
    static millpond::object_pool<record>* make(void* place) {
        return ::new (place)
            millpond::object_pool<record>({.name = "victim", .capacity = capacity});
    }
};

using static_blocks = millpond::static_block_pool<block_bytes, capacity>;
using static_objects = millpond::static_object_pool<record, capacity>;

template <>
struct traits<static_blocks> {
    static static_blocks* make(void* place) {
        return ::new (place) static_blocks(millpond::pool_name("victim"));
    }
};

template <>
struct traits<static_objects> {
    static static_objects* make(void* place) {
        return ::new (place) static_objects(millpond::pool_name("victim"));
    }
};

/// Hides where a pointer comes from, so that the compiler assumes nothing of a dead pool.
template <class T>
T* opaque(T* pointer) {
    asm volatile("" : "+r"(pointer) : : "memory");
    return pointer;
}

/// One pool, raw or typed.
template <class Pool>
class victim {
public:
    static constexpr bool raw = requires(Pool & pool) { pool.deallocate(nullptr); };
    static constexpr bool movable = std::is_move_constructible_v<Pool>;

    victim()
        : pool_(traits<Pool>::make(place_.data())) {}

    victim(const victim&) = delete;
    victim& operator=(const victim&) = delete;
    ~victim() = default; // what becomes of the pool is the program's business

    /// A block or object, or nullptr when the pool is full.
    void* take() {
        if constexpr (raw) {
            return pool_->try_allocate();
        } else {
            return pool_->try_create();
        }
    }

    void give(void* block) {
        if constexpr (raw) {
            opaque(pool_)->deallocate(block);
        } else {
            opaque(pool_)->destroy(static_cast<record*>(block));
        }
    }

    std::vector<void*> take_all() {
        std::vector<void*> blocks;
        while (void* const block = take()) {
            blocks.push_back(block);
        }
        return blocks;
    }

    void destroy_pool() { std::destroy_at(pool_); }

    Pool& pool() { return *pool_; }

    void require_sound() {
        if (!pool_->verify()) {
            std::fprintf(stderr, "unsound: %s\n", pool_->verify().fault);
            std::exit(3);
        }
    }

private:
    alignas(Pool) static inline std::array<std::byte, sizeof(Pool)> place_{};
    Pool* pool_;
};

/// Runs `body` on the kind of pool that the first argument names; exit code 0 if it survives.
template <class Body>
int run(std::span<char*> arguments, Body body) {
    const char* const kind = arguments.size() == 2 ? arguments[1] : "";
    const auto on = [&]<class Pool>(std::type_identity<Pool>) {
        victim<Pool> chosen;
        body(chosen);
    };
    if (std::strcmp(kind, "block_pool") == 0) {
        on(std::type_identity<millpond::block_pool>());
    } else if (std::strcmp(kind, "object_pool") == 0) {
        on(std::type_identity<millpond::object_pool<record>>());
    } else if (std::strcmp(kind, "static_block_pool") == 0) {
        on(std::type_identity<static_blocks>());
    } else if (std::strcmp(kind, "static_object_pool") == 0) {
        on(std::type_identity<static_objects>());
    } else {
        std::fprintf(stderr, "which pool?\n");
        return 2;
    }
    return 0;
}

} // namespace misuse

/// The main function of a program that misuses the pool `it`.
#define MISUSE_OF_A_POOL(...)                                                                      \
    int main(int count, char** values) {                                                           \
        return misuse::run(std::span(values, static_cast<std::size_t>(count)),                     \
                           []<class Victim>(Victim& it) { __VA_ARGS__ });                          \
    }
