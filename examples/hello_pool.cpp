// SPDX-License-Identifier: MIT
/// \file
/// The README's example: an order book's orders in a pool.

#include <millpond/millpond.hpp>

#include <cstdio>

struct order {
    int id;
    double price;
    int quantity;
};

int main() {
    // readme: begin
    millpond::object_pool<order> orders({.name = "orders", .capacity = 1'000'000});

    order* bid = orders.create(1, 99.5, 10); // try_create: nullptr when full
    auto ask = orders.make_unique(2, 100.5, 20);
    for (const order& live : orders) { // in address order
        std::printf("order %d: %d at %.1f\n", live.id, live.quantity, live.price);
    }
    orders.destroy(bid);
    std::printf("%zu live, %zu at the peak\n", orders.size(), orders.high_water());
    // readme: end
}
