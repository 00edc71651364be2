// SPDX-License-Identifier: MIT
#include <array>
#include <atomic>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

#include "victim.hpp"
#include <pthread.h>

namespace victim {
namespace {

constexpr int rounds = 20'000;

/// Each thread frees what its neighbour allocated: the same addresses travel between threads.
int cross_free() {
    constexpr std::size_t count = 4;
    std::array<std::atomic<void*>, count> slots{};
    std::vector<std::thread> workers;
    for (std::size_t me = 0; me < count; ++me) {
        workers.emplace_back([&slots, me] {
            for (int i = 0; i < rounds; ++i) {
                std::free(slots[me].exchange(std::malloc(7400)));
                std::free(slots[(me + 1) % count].exchange(nullptr));
            }
        });
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    for (auto& slot : slots) {
        std::free(slot.exchange(nullptr));
    }
    return 0;
}

int many_short() {
    for (int i = 0; i < 3000; ++i) {
        std::thread([] { std::free(std::malloc(7401)); }).join();
    }
    return 0;
}

struct late {
    ~late() { std::free(std::malloc(7411)); }
};

pthread_key_t key;

/// Comes back as often as the C library allows, each time after other destructors have run.
void again(void* value) {
    std::free(std::malloc(7412));
    const auto left = reinterpret_cast<std::size_t>(value);
    if (left > 1) {
        pthread_setspecific(key, reinterpret_cast<void*>(left - 1));
    }
}

int destructors() {
    pthread_key_create(&key, again);
    std::thread([] {
        thread_local late object;
        sink = &object;
        std::free(std::malloc(7410));
        pthread_setspecific(key, reinterpret_cast<void*>(std::size_t{4}));
    }).join();
    return 0;
}

/// More threads alive at once than most programs have, each with a buffer of its own.
int many_alive() {
    std::atomic<int> arrived{0};
    std::vector<std::thread> workers;
    for (int i = 0; i < 300; ++i) {
        workers.emplace_back([&arrived] {
            void* const p = std::malloc(7420);
            arrived += 1;
            while (arrived < 300) {
                std::this_thread::yield();
            }
            std::free(p);
        });
    }
    for (std::thread& worker : workers) {
        worker.join();
    }
    return 0;
}

} // namespace

int threads(const char* mode) {
    if (std::strcmp(mode, "cross_free") == 0) {
        return cross_free();
    }
    if (std::strcmp(mode, "many_short") == 0) {
        return many_short();
    }
    if (std::strcmp(mode, "destructors") == 0) {
        return destructors();
    }
    return std::strcmp(mode, "many_alive") == 0 ? many_alive() : not_mine;
}

} // namespace victim
