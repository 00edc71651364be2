// SPDX-License-Identifier: MIT
/// \file
/// A lease that ends after its pool stops the program, before the hook sees an object that is gone, as long as the pool object's memory is there.
//
// class: lease left when its pool dies
// pools: recycling_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': destroyed with 1 live block of 64 bytes
// then:  millpond: pool 'victim': free of {block}: the pool is destroyed

#include "lender.hpp"

int main() {
    misuse::lender pool;
    const auto lease = pool->acquire();
    misuse::note("block", lease.get());
    pool.destroy();
    return 0;
}
