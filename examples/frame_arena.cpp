// SPDX-License-Identifier: MIT
/// \file
/// A game loop without a free: what a frame makes is gone two frames later, what one step of it makes is
/// gone when the step ends.

#include <millpond/adapt/arena_resource.hpp>
#include <millpond/pool/frame_arena.hpp>

#include <cstdio>
#include <memory_resource>
#include <span>
#include <string_view>
#include <vector>

namespace {

struct event {
    std::string_view what;
    int damage;
};

/// Notes the frame's events; the texts are copied into the frame too.
std::span<event> collect(millpond::frame_arena& frames, int number) {
    const std::span<event> events = frames.make_array<event>(2);
    events[0] = {frames.duplicate(number % 2 == 0 ? "hit" : "miss"), 10 * number};
    events[1] = {frames.duplicate("step"), 0};
    return events;
}

int total_damage(millpond::arena& scratch, std::span<const event> events) {
    const millpond::arena::scope whole_step(scratch);
    millpond::arena_resource memory(scratch);
    std::pmr::vector<int> damages(&memory);
    damages.reserve(
        events.size()); // a vector that grows leaves its old blocks until the scope ends
    int total = 0;
    for (const event& each : events) {
        damages.push_back(each.damage);
        total += damages.back();
    }
    return total;
}

} // namespace

int main() {
    millpond::frame_arena frames({.name = "frames", .capacity = 64 * 1024, .prefault = true});
    std::span<event> last;
    for (int number = 1; number <= 3; ++number) {
        const std::span<event> events = collect(frames, number);
        std::printf("frame %d: %d damage", number, total_damage(frames.current(), events));
        if (!last.empty()) { // made in the last frame, and still there
            std::printf(", after a %.*s", int(last[0].what.size()), last[0].what.data());
        }
        std::printf("\n");
        last = events;
        frames.next_frame();
    }
    std::printf("%zu bytes at the peak of a frame\n", frames.high_water());
}
