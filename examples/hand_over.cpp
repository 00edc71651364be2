// SPDX-License-Identifier: MIT
/// \file
/// One thread makes objects and hands them over, another uses and destroys them: no lock, and no more
/// memory than `capacity` however far ahead the maker runs.

#include <millpond/pool/concurrent_object_pool.hpp>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>

namespace {

struct order {
    int id;
    double price;
};

constexpr int orders_to_make = 100'000;

std::array<std::atomic<order*>, 1024> ring; // one writer, one reader: nullptr is free

} // namespace

int main() {
    millpond::concurrent_object_pool<order> orders(
        {.name = "orders", .capacity = 500, .threads = 2, .prefault = true});

    std::thread maker([&] {
        for (int id = 0; id < orders_to_make; ++id) {
            // Sleeps while the pool is empty; the other thread's destroy wakes it.
            order* const made = orders.try_create_for(std::chrono::minutes(1), id, 0.5 * id);
            std::atomic<order*>& place = ring[static_cast<std::size_t>(id) % ring.size()];
            while (place.load() != nullptr) {
                std::this_thread::yield();
            }
            place.store(made);
        }
    });

    double sum = 0;
    for (int id = 0; id < orders_to_make; ++id) {
        std::atomic<order*>& place = ring[static_cast<std::size_t>(id) % ring.size()];
        order* arrived = nullptr;
        while ((arrived = place.exchange(nullptr)) == nullptr) {
            std::this_thread::yield();
        }
        sum += arrived->price;
        orders.destroy(arrived); // allocated over there, free again here
    }
    maker.join();
    std::printf("%d orders for %.0f, %zu left\n", orders_to_make, sum, orders.size_estimate());
}
