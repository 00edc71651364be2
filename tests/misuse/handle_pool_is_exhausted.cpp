// SPDX-License-Identifier: MIT
/// \file
/// A full pool of handles gives the null handle or throws; so does one whose slots have all been used as often as `generations` allows.
//
// class: bounded pool exhausted
// pools: handle_pool
// ends:  exit 0
// says:  millpond: pool 'victim' is exhausted: capacity 3000, peak 3000
// then:  millpond: pool 'worn' is exhausted: capacity 0, peak 1

#include <stdexcept>

#include "behind_handles.hpp"

namespace {

void create_in(misuse::handles& pool) {
    misuse::require(!pool.try_create(0));
    try {
        (void)pool.create(0);
    } catch (const millpond::pool_exhausted& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
}

} // namespace

int main() {
    misuse::handle_victim pool;
    while (pool->try_create(0)) {
    }
    create_in(*pool);
    misuse::handles worn({.name = "worn", .capacity = 5, .generations = 2});
    while (worn.destroy(worn.try_create(0))) {
    }
    misuse::require(worn.retired() == 5);
    create_in(worn);
    return 0;
}
