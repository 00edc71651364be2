// SPDX-License-Identifier: MIT
/// \file
/// An order book: orders in a typed pool, price levels in a map whose nodes come from a resource.

#include <millpond/millpond.hpp>

#include <algorithm>
#include <cstdio>
#include <functional>
#include <map>

struct order {
    int id;
    int quantity;
    order* next; // in its price level, oldest first
};

struct level {
    order* first = nullptr;
    order* last = nullptr;
};

using node = std::pair<const int, level>;
using levels = std::map<int, level, std::less<>, millpond::pool_allocator<node>>;

int main() {
    millpond::object_pool<order> orders({.name = "orders", .capacity = 100'000, .prefault = true});
    millpond::pool_resource nodes({.name = "levels", .prefault = true});
    nodes.reserve(10'000, 64);
    levels asks(&nodes);

    const auto add = [&](int id, int price, int quantity) {
        order* const made = orders.create(id, quantity, nullptr);
        level& at = asks[price];
        (at.first == nullptr ? at.first : at.last->next) = made;
        at.last = made;
    };
    const auto buy = [&](int quantity) {
        while (quantity > 0 && !asks.empty()) {
            const auto best = asks.begin();
            order* const oldest = best->second.first;
            const int filled = std::min(quantity, oldest->quantity);
            std::printf("%d at %d from order %d\n", filled, best->first, oldest->id);
            quantity -= filled;
            oldest->quantity -= filled;
            if (oldest->quantity == 0) {
                best->second.first = oldest->next;
                orders.destroy(oldest);
            }
            if (best->second.first == nullptr) {
                asks.erase(best);
            }
        }
    };
    add(1, 101, 50);
    add(2, 100, 30);
    add(3, 100, 30);
    buy(70);
    std::printf("%zu order left, %zu at the peak\n", orders.size(), orders.high_water());
}
