// SPDX-License-Identifier: MIT
/// \file
/// A program that brings its own malloc: its calls never reach a preloaded library.

#include <cstddef>
#include <cstring>

namespace {

alignas(16) unsigned char memory[1 << 20];
std::size_t used = 0;

} // namespace

extern "C" {

void* malloc(std::size_t size) {
    const std::size_t wanted = (size + 31) / 16 * 16;
    if (wanted < size || wanted > sizeof memory - used) {
        return nullptr;
    }
    unsigned char* const block = memory + used;
    used += wanted;
    std::memcpy(block, &size, sizeof size);
    return block + 16;
}

void free(void*) {}

void* calloc(std::size_t count, std::size_t size) {
    return malloc(count * size); // fresh memory is zero
}

void* realloc(void* old, std::size_t size) {
    void* const block = malloc(size);
    if (block != nullptr && old != nullptr) {
        std::size_t had = 0;
        std::memcpy(&had, static_cast<unsigned char*>(old) - 16, sizeof had);
        std::memcpy(block, old, had < size ? had : size);
    }
    return block;
}
}

int main() {
    void* const block = malloc(7601);
    free(block);
    return block == nullptr ? 1 : 0;
}
