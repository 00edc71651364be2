// SPDX-License-Identifier: MIT
/// \file
/// The calls of arenas that are measured. What makes a rewind long are the rewinds that are remembered
/// (eight at most, rewind_history.hpp): all of them are looked at, or one of them is forgotten.

#include <array>
#include <cstddef>
#include <stdexcept>

#include "scenarios.hpp"
#include "subjects.hpp"

namespace millpond::guarantees {

namespace {

/// A payload whose destructor is called, and does nothing.
struct with_destructor {
    payload words;

    with_destructor() noexcept {} // NOLINT(modernize-use-equals-default): writes nothing

    with_destructor(const with_destructor&) = delete;
    with_destructor& operator=(const with_destructor&) = delete;

    ~with_destructor() { asm volatile(""); }
};

using marked = arena::mark_type;

[[gnu::noinline]] void* try_allocate(arena& home, std::size_t bytes, std::size_t alignment) {
    return home.try_allocate(bytes, alignment);
}

[[gnu::noinline]] void* allocate(arena& home, std::size_t bytes, std::size_t alignment) {
    return home.allocate(bytes, alignment);
}

[[gnu::noinline]] void deallocate(arena& home, void* block, std::size_t bytes) {
    home.deallocate(block, bytes);
}

template <class T>
[[gnu::noinline]] T* try_create(arena& home) {
    return home.try_create<T>();
}

template <class T>
[[gnu::noinline]] T* create(arena& home) {
    return home.create<T>();
}

[[gnu::noinline]] marked take_mark(arena& home) {
    return home.mark();
}

[[gnu::noinline]] void rewind(arena& home, const marked& to) {
    home.rewind(to);
}

[[gnu::noinline]] void next_frame(frame_arena& frames) {
    frames.next_frame();
}

/// Between two marks of the tracer.
template <class Call>
auto measured(const char* operation, const char* scenario, Call call) {
    announce(operation, scenario);
    mark();
    const auto result = call();
    mark();
    return result;
}

void allocations(arena& home) {
    for (const std::size_t bytes : {0U, 1U, 100U}) {
        for (const std::size_t alignment : {1U, 16U, 256U}) {
            const char* const where = "any size and alignment, in what is committed";
            measured(
                "arena::try_allocate", where, [&] { return try_allocate(home, bytes, alignment); });
            void* const block = measured(
                "arena::allocate", where, [&] { return allocate(home, bytes, alignment); });
            measured("arena::deallocate", "the last block", [&] {
                deallocate(home, block, bytes);
                return 0;
            });
        }
    }
    arena full({.name = "full", .capacity = 100});
    measured(
        "arena::try_allocate", "the arena is full", [&] { return try_allocate(full, 101, 1); });
    for (int i = 0; i < 3; ++i) {
        measured(
            "arena::try_create", "in what is committed", [&] { return try_create<payload>(home); });
        measured("arena::create", "in what is committed", [&] { return create<payload>(home); });
        measured("arena::try_create, with a destructor", "in what is committed", [&] {
            return try_create<with_destructor>(home);
        });
        measured("arena::create, with a destructor", "in what is committed", [&] {
            return create<with_destructor>(home);
        });
    }
    measured("arena::try_create", "the arena is full", [&] {
        (void)full.try_allocate(full.available(), 1);
        return try_create<payload>(full);
    });
}

void rewinds(arena& home) {
    home.clear();
    std::array<marked, 12> nested;
    for (marked& each : nested) {
        each = measured("arena::mark", "at any time", [&] { return take_mark(home); });
        (void)home.allocate(64);
    }
    const auto measured_rewind = [&](const marked& to, const char* where) {
        measured("arena::rewind, no destructors", where, [&] {
            rewind(home, to);
            return 0;
        });
        (void)home.allocate(64);
    };
    measured_rewind(nested[11], "the newest mark");
    measured_rewind(nested[0], "a mark older than other rewinds");
    for (std::size_t i = 1; i < nested.size(); ++i) { // each higher than the one before
        const marked here = home.mark();
        (void)home.allocate(64);
        measured_rewind(
            here, i < 8 ? "more and more rewinds are remembered" : "a rewind has to be forgotten");
    }
    measured_rewind(nested[0], "eight rewinds above are remembered");
    const marked before = home.mark();
    for (int i = 0; i < 64; ++i) {
        (void)home.create<with_destructor>();
    }
    measured("arena::rewind over 64 empty destructors", "all created since the mark", [&] {
        rewind(home, before);
        return 0;
    });
}

void frames() {
    frame_arena pair({.name = "frames", .capacity = 1000});
    for (int i = 0; i < 5; ++i) {
        (void)pair.allocate(100);
        measured("frame_arena::next_frame, no destructors", "a frame of bytes", [&] {
            next_frame(pair);
            return 0;
        });
    }
}

void growth() {
    for (const bool prefault : {false, true}) {
        arena growing({.name = "growing",
                       .capacity = 4096,
                       .max_capacity = std::size_t{64} << 20,
                       .prefault = prefault});
        (void)growing.allocate(4096);
        const void* const block =
            measured(prefault ? "growth step of an arena, prefaulted" : "growth step of an arena",
                     "an allocation that commits 2 MiB more",
                     [&] { return try_allocate(growing, 16, 16); });
        if (block == nullptr) {
            throw std::runtime_error("the arena did not grow");
        }
    }
}

} // namespace

void arena_scenarios() {
    arena home({.name = "arena", .capacity = 100'000});
    allocations(home);
    rewinds(home);
    frames();
    growth();
}

} // namespace millpond::guarantees
