// SPDX-License-Identifier: MIT
/// \file
/// A recycling pool that dies while an object is lent says how many are.
//
// class: lease left when its pool dies
// pools: recycling_pool
// ends:  exit 0
// says:  millpond: pool 'victim': destroyed with 2 live blocks of 64 bytes

#include "lender.hpp"

int main() {
    misuse::lender pool;
    auto first = pool->acquire();
    auto second = pool->acquire();
    pool.destroy();
    std::_Exit(0); // before the leases end
    return 0;
}
