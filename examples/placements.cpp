// SPDX-License-Identifier: MIT
/// \file
/// One description of a pool, on every kind of memory: only `.memory` differs.

#include <millpond/millpond.hpp>

#include <array>
#include <cstddef>
#include <cstdio>

struct voice {
    float phase;
    float pitch;
};

using voices = millpond::object_pool<voice>;

constexpr millpond::object_pool_options description{.name = "voices", .capacity = 128};

millpond::object_pool_options on(const millpond::memory_options& memory) {
    millpond::object_pool_options options = description;
    options.memory = memory;
    return options;
}

void play(const char* where, voices& pool) {
    voice* const middle_a = pool.create(0.0F, 440.0F);
    std::printf(
        "%-16s %.0f Hz, %zu of %zu\n", where, middle_a->pitch, pool.size(), pool.capacity());
    pool.destroy(middle_a);
}

alignas(64) constinit std::array<std::byte, 4096> in_the_program{};

int main() {
    voices pages(description); // reserved for good, committed in steps
    play("mapped pages", pages);

    voices huge(on({.pages = millpond::page_size::huge_2mib})); // falls back where there are none
    play("huge pages", huge);

    voices guarded(on({.guard_pages = true}));
    play("guarded pages", guarded);

    voices heap(on({.source = millpond::memory_source::heap}));
    play("the heap", heap);

    voices borrowed(on({.source = millpond::memory_source::buffer, .buffer = in_the_program}));
    play("static memory", borrowed);
    std::printf("of %zu bytes it needs %zu\n",
                in_the_program.size(),
                voices::buffer_bytes(on({.source = millpond::memory_source::buffer})));

    voices upstairs(on({.source = millpond::memory_source::heap}));
    voices moved = static_cast<voices&&>(upstairs); // the objects stay where they are
    play("moved", moved);
}
