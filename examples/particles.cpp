// SPDX-License-Identifier: MIT
/// \file
/// Particles that burn out by the thousand, walked as an array every frame, and a camera that follows one
/// of them by its handle until it is gone.

#include <millpond/pool/handle_pool.hpp>

#include <cstddef>
#include <cstdio>

namespace {

struct particle {
    float height;
    float speed;
    int frames_left;
};

using particles = millpond::handle_pool<particle>;

/// Moves each particle, and destroys those that have burned out. Backwards: the last one, which moves
/// into the gap, has had its turn.
void step(particles& all) {
    for (std::size_t i = all.size(); i-- != 0;) {
        particle& each = all.objects()[i];
        each.height += each.speed;
        each.speed -= 1;
        if (--each.frames_left == 0) {
            all.destroy(all.handle_of(each));
        }
    }
}

} // namespace

int main() {
    particles all({.name = "particles", .capacity = 10'000, .prefault = true});
    millpond::handle<particle> followed;
    for (int frame = 0; frame < 100; ++frame) {
        for (int i = 0; i < 50; ++i) {
            const auto spark = all.try_create(0.0F, 10.0F, 5 + i); // null when the pool is full
            if (frame == 0 && i == 20) {
                followed = spark;
            }
        }
        step(all);
        if (frame % 8 == 0 && frame < 30) {
            if (const particle* const seen = all.get(followed)) {
                std::printf("frame %d: the camera is at %.0f\n", frame, seen->height);
            } else {
                std::printf("frame %d: the camera's particle is gone\n", frame);
            }
        }
    }
    std::printf("%zu burn, %zu at the peak\n", all.size(), all.high_water());
}
