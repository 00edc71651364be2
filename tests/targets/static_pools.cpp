// SPDX-License-Identifier: MIT
/// \file
/// Static pools as a program without an operating system uses them: compiled, never run.
#include "millpond/pool/static_pool.hpp"

#include <cstdint>

namespace {

struct message {
    std::uint16_t kind;
    std::uint8_t payload[30];
};

constinit millpond::static_object_pool<message, 16> messages;
constinit millpond::static_block_pool<64, 8> buffers;

} // namespace

extern "C" bool receive(std::uint16_t kind) {
    message* const one = messages.try_create(message{kind, {}});
    void* const buffer = buffers.try_allocate();
    if (one != nullptr) {
        messages.destroy(one);
    }
    buffers.deallocate(buffer);
    return one != nullptr && buffer != nullptr && messages.verify() && buffers.verify();
}
