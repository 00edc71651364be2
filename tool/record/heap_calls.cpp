// SPDX-License-Identifier: MIT
#include "record/heap_calls.hpp"

#include <cstdint>
#include <cstring>

#include "record/inside.hpp"
#include <dlfcn.h>
#include <sched.h>
#include <unistd.h>

namespace millpond::tool::inside {
namespace {

constexpr std::size_t stand_in_alignment = 16;

std::atomic<std::size_t> stand_in_used{0};

std::atomic<bool> looking{false};
thread_local bool looking_here = false;

template <typename Function>
bool look_up(Function& into, const char* name) noexcept {
    void* const found = dlsym(RTLD_NEXT, name);
    static_assert(sizeof found == sizeof into);
    std::memcpy(&into, &found, sizeof found);
    return found != nullptr;
}

} // namespace

heap_calls heap{};
alignas(stand_in_alignment) unsigned char stand_in[stand_in_bytes];
std::atomic<bool> heap_found{false};

bool find_heap_slow() noexcept {
    if (looking_here) {
        return false;
    }
    if (looking.exchange(true, std::memory_order_acquire)) {
        while (!heap_found.load(std::memory_order_acquire)) {
            sched_yield();
        }
        return true;
    }
    looking_here = true;
    const bool complete = look_up(heap.malloc, "malloc") && look_up(heap.calloc, "calloc") &&
                          look_up(heap.realloc, "realloc") && look_up(heap.free, "free");
    if (!complete) {
        static constexpr char message[] = "millpond: the program has no heap to record\n";
        (void)!write(STDERR_FILENO, message, sizeof message - 1);
        _exit(127);
    }
    look_up(heap.posix_memalign, "posix_memalign");
    look_up(heap.aligned_alloc, "aligned_alloc");
    look_up(heap.memalign, "memalign");
    look_up(heap.valloc, "valloc");
    look_up(heap.pvalloc, "pvalloc");
    join();
    // Pairs with the acquire in find_heap.
    heap_found.store(true, std::memory_order_release);
    looking_here = false;
    return true;
}

void* stand_in_allocate(std::size_t size) noexcept {
    const std::size_t wanted =
        (size + 2 * stand_in_alignment - 1) / stand_in_alignment * stand_in_alignment;
    if (wanted < size || wanted > stand_in_bytes) {
        return nullptr;
    }
    const std::size_t at = stand_in_used.fetch_add(wanted, std::memory_order_relaxed);
    if (at + wanted > stand_in_bytes) {
        return nullptr;
    }
    std::memcpy(stand_in + at, &size, sizeof size);
    return stand_in + at + stand_in_alignment;
}

std::size_t stand_in_size(const void* p) noexcept {
    std::size_t size = 0;
    std::memcpy(&size, static_cast<const unsigned char*>(p) - stand_in_alignment, sizeof size);
    return size;
}

} // namespace millpond::tool::inside
