// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// The pools that the programs of this folder misuse: one adapter over block_pool, object_pool, the
/// static and the concurrent pools, chosen by the first argument. Every pool is named "victim", has
/// 3,000 blocks of 64 bytes (a concurrent one spare blocks besides), and lies in static memory, so
/// that a dead pool's memory stays readable.
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
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace misuse {

inline constexpr std::size_t capacity = 3000;
inline constexpr std::size_t block_bytes = 64;

/// Threads that keep blocks in a concurrent victim.
inline constexpr std::size_t threads = 4;

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

/// How many blocks the magazine of a pool for one thread has room for.
struct one_thread {
    static constexpr std::size_t magazine = millpond::detail::magazine_places;
    static_assert(millpond::detail::magazine_places_for(capacity, block_bytes) == magazine);

    static std::size_t kept() { return magazine; }
};

/// The same for one thread of a concurrent pool.
struct many_threads {
    static std::size_t kept() {
        return millpond::detail::cache_limits::of("victim", capacity, block_bytes, threads).kept;
    }
};

template <class Pool>
struct traits;

template <>
struct traits<millpond::block_pool> : one_thread {
    static millpond::block_pool* make(void* place) {
        return ::new (place) millpond::block_pool({.name = "victim",
                                                   .block_bytes = block_bytes,
                                                   .capacity = capacity,
                                                   .leaks = millpond::leak_policy::ignore});
    }
};

template <>
struct traits<millpond::object_pool<record>> : one_thread {
    static millpond::object_pool<record>* make(void* place) {
        return ::new (place)
            millpond::object_pool<record>({.name = "victim", .capacity = capacity});
    }
};

using static_blocks = millpond::static_block_pool<block_bytes, capacity>;
using static_objects = millpond::static_object_pool<record, capacity>;

template <>
struct traits<static_blocks> : one_thread {
    static static_blocks* make(void* place) {
        return ::new (place) static_blocks(millpond::pool_name("victim"));
    }
};

template <>
struct traits<static_objects> : one_thread {
    static static_objects* make(void* place) {
        return ::new (place) static_objects(millpond::pool_name("victim"));
    }
};

using concurrent_blocks = millpond::concurrent_block_pool;
using concurrent_objects = millpond::concurrent_object_pool<record>;

template <>
struct traits<concurrent_blocks> : many_threads {
    static concurrent_blocks* make(void* place) {
        return ::new (place) concurrent_blocks({.name = "victim",
                                                .block_bytes = block_bytes,
                                                .capacity = capacity,
                                                .threads = threads,
                                                .leaks = millpond::leak_policy::ignore});
    }
};

template <>
struct traits<concurrent_objects> : many_threads {
    static concurrent_objects* make(void* place) {
        return ::new (place)
            concurrent_objects({.name = "victim", .capacity = capacity, .threads = threads});
    }
};

/// A concurrent pool that checks every free with an atomic step.
struct exact_blocks : concurrent_blocks {
    exact_blocks()
        : concurrent_blocks({.name = "victim",
                             .block_bytes = misuse::block_bytes,
                             .capacity = misuse::capacity,
                             .threads = misuse::threads,
                             .check = millpond::free_check::exact,
                             .leaks = millpond::leak_policy::ignore}) {}
};

template <>
struct traits<exact_blocks> : many_threads {
    static exact_blocks* make(void* place) { return ::new (place) exact_blocks; }
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
    static constexpr bool concurrent = requires(Pool & pool) { pool.local(); };

    /// Blocks that the pool holds back, those freed last, before the oldest moves on to the words.
    static std::size_t kept() { return traits<Pool>::kept(); }

    victim()
        : pool_(traits<Pool>::make(place_.data())) {}

    victim(const victim&) = delete;
    victim& operator=(const victim&) = delete;
    ~victim() = default; // what becomes of the pool is the program's business

    /// A block or object, or nullptr when the pool is full.
    void* take() {
        if constexpr (raw) {
            return opaque(pool_)->try_allocate();
        } else {
            return opaque(pool_)->try_create();
        }
    }

    void give(void* block) {
        if constexpr (raw) {
            opaque(pool_)->deallocate(block);
        } else {
            opaque(pool_)->destroy(static_cast<record*>(block));
        }
    }

    std::vector<void*> take_up_to(std::size_t most) {
        std::vector<void*> blocks;
        while (blocks.size() < most) {
            void* const block = take();
            if (block == nullptr) {
                break;
            }
            blocks.push_back(block);
        }
        return blocks;
    }

    std::vector<void*> take_all() { return take_up_to(~std::size_t{0}); }

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

/// The kinds of pools that a mistake can be made with; for others its program need not compile.
enum class kinds { any, for_one_thread, concurrent };

/// Whether programs are built for this kind of pool: for all, or for MISUSE_POOL alone.
consteval bool is_built([[maybe_unused]] std::string_view kind) {
#ifdef MISUSE_POOL
    return kind == MISUSE_POOL;
#else
    return true;
#endif
}

/// Runs `body` on the kind of pool that the first argument names; exit code 0 if it survives.
template <kinds Kinds, class Body>
int run(std::span<char*> arguments, Body body) {
    const char* const kind = arguments.size() == 2 ? arguments[1] : "";
    bool found = false;
    const auto on = [&]<class Pool>(const char* name, std::type_identity<Pool>) {
        if (std::strcmp(kind, name) == 0) {
            victim<Pool> chosen;
            body(chosen);
            found = true;
        }
    };
    if constexpr (Kinds != kinds::concurrent) {
        if constexpr (is_built("block_pool")) {
            on("block_pool", std::type_identity<millpond::block_pool>());
        }
        if constexpr (is_built("object_pool")) {
            on("object_pool", std::type_identity<millpond::object_pool<record>>());
        }
        if constexpr (is_built("static_block_pool")) {
            on("static_block_pool", std::type_identity<static_blocks>());
        }
        if constexpr (is_built("static_object_pool")) {
            on("static_object_pool", std::type_identity<static_objects>());
        }
    }
    if constexpr (Kinds != kinds::for_one_thread) {
        if constexpr (is_built("concurrent_block_pool")) {
            on("concurrent_block_pool", std::type_identity<concurrent_blocks>());
        }
        if constexpr (is_built("concurrent_object_pool")) {
            on("concurrent_object_pool", std::type_identity<concurrent_objects>());
        }
    }
    if (!found) {
        std::fprintf(stderr, "which pool?\n");
        return 2;
    }
    return 0;
}

/// Calls `body` with the kind of raw pool that the first argument names.
template <class Body>
int make_raw(std::span<char*> arguments, Body body) {
    if (arguments.size() == 2 && std::strcmp(arguments[1], "concurrent_block_pool") == 0) {
        body(std::type_identity<millpond::concurrent_block_pool>());
    } else {
        body(std::type_identity<millpond::block_pool>());
    }
    return 0;
}

} // namespace misuse

#define MISUSE_OF_KINDS(kinds, ...)                                                                \
    int main(int count, char** values) {                                                           \
        return misuse::run<kinds>(std::span(values, static_cast<std::size_t>(count)),              \
                                  []<class Victim>(Victim& it) { __VA_ARGS__ });                   \
    }

/// The main function of a program that misuses the pool `it`.
#define MISUSE_OF_A_POOL(...) MISUSE_OF_KINDS(misuse::kinds::any, __VA_ARGS__)

/// The same for a mistake that concurrent pools do not have.
#define MISUSE_OF_A_POOL_FOR_ONE_THREAD(...)                                                       \
    MISUSE_OF_KINDS(misuse::kinds::for_one_thread, __VA_ARGS__)

/// The same for one that takes several threads.
#define MISUSE_OF_A_CONCURRENT_POOL(...) MISUSE_OF_KINDS(misuse::kinds::concurrent, __VA_ARGS__)

/// The main function of a program that makes a raw pool of type `Pool` with its own options.
#define MISUSE_BY_MAKING_A_POOL(...)                                                               \
    int main(int count, char** values) {                                                           \
        return misuse::make_raw(std::span(values, static_cast<std::size_t>(count)),                \
                                []<class Pool>(std::type_identity<Pool>) { __VA_ARGS__ });         \
    }
