// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// A thread that comes when a concurrent pool has as many threads as it keeps blocks for.

#include <cstdlib>
#include <memory>
#include <vector>

#include "threads.hpp"
#include "victim.hpp"

namespace misuse {

/// Runs `body` in a thread that keeps no blocks, while others do.
template <class Victim, class Body>
void in_a_thread_without_blocks(Victim& it, Body body) {
    std::vector<std::unique_ptr<two_steps>> others;
    while (others.size() < threads) {
        others.push_back(std::make_unique<two_steps>([&] { (void)it.take(); }, [] {}));
    }
    in_another_thread([&] {
        if (it.pool().local().keeps_blocks()) {
            std::exit(4);
        }
        body();
    });
    for (const auto& other : others) {
        other->finish();
    }
}

} // namespace misuse
