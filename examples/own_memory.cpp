// SPDX-License-Identifier: MIT
/// \file
/// The same pool on memory that the program owns, and on locked, prefaulted pages.

#include <millpond/pool/object_pool.hpp>

#include <cstddef>
#include <cstdio>
#include <vector>

struct voice {
    float phase;
    float pitch;
};

int main() {
    millpond::object_pool_options options{.name = "voices", .capacity = 128};
    std::vector<std::byte> arena(millpond::object_pool<voice>::buffer_bytes(options));
    options.memory = {.source = millpond::memory_source::buffer, .buffer = arena};
    millpond::object_pool<voice> voices(options);

    const voice* const middle_a = voices.create(0.0F, 440.0F);
    const auto* const address = reinterpret_cast<const std::byte*>(middle_a);
    std::printf("inside the program's own memory: %s\n",
                address >= arena.data() && address < arena.data() + arena.size() ? "yes" : "no");

    millpond::object_pool<voice> resident({.name = "resident",
                                           .capacity = 10'000,
                                           .prefault = true,
                                           .memory = {.guard_pages = true}});
    std::printf(
        "%zu voices ready, %zu bytes each\n", resident.capacity(), resident.stats().block_bytes);
}
