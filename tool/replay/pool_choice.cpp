// SPDX-License-Identifier: MIT
#include "replay/pool_choice.hpp"

#include <algorithm>
#include <numeric>

namespace millpond::tool::replay {

pool_choice choose_pools(const class_table& classes, std::uint64_t all_operations) {
    std::array<std::uint16_t, size_classes> order{};
    std::iota(order.begin(), order.end(), std::uint16_t{0});
    std::stable_sort(order.begin(), order.end(), [&](std::uint16_t a, std::uint16_t b) {
        return classes[a].operations > classes[b].operations;
    });
    pool_choice choice;
    choice.pool_of_class.fill(from_heap);
    const double enough = wanted_coverage * static_cast<double>(all_operations);
    for (const std::uint16_t chosen : order) {
        const class_use& use = classes[chosen];
        if (use.operations == 0 || static_cast<double>(choice.covered_operations) >= enough) {
            break;
        }
        choice.pool_of_class[chosen] = static_cast<std::uint16_t>(choice.pools.size());
        choice.pools.push_back({.block_bytes = (chosen + std::uint64_t{1}) * pool_step_bytes,
                                .capacity = use.peak_live,
                                .operations = use.operations});
        choice.covered_operations += use.operations;
    }
    return choice;
}

} // namespace millpond::tool::replay
