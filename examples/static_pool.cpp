// SPDX-License-Identifier: MIT
/// \file
/// A pool in static memory: no heap, no operating system, no exceptions.

#include <millpond/pool/static_pool.hpp>

#include <cstdint>
#include <cstdio>

namespace {

struct message {
    std::uint16_t kind;
    std::uint16_t length;
    std::uint8_t payload[28];
};

constinit millpond::static_object_pool<message, 3> inbox; // lies in .bss, ready before main()

} // namespace

int main() {
    message* kept[3] = {};
    for (std::uint16_t kind = 1; kind <= 4; ++kind) {
        message* const received = inbox.try_create(message{kind, 0, {}});
        if (received == nullptr) {
            std::printf(
                "message %d dropped: %zu of %zu in use\n", kind, inbox.size(), inbox.capacity());
            continue;
        }
        kept[kind - 1] = received;
    }
    inbox.destroy(kept[1]);
    for (const message& left : inbox) {
        std::printf("message %d waits\n", left.kind);
    }
}
