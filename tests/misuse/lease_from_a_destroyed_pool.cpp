// SPDX-License-Identifier: MIT
/// \file
/// A lease from a recycling pool that is gone stops the program as long as the pool object's memory is there.
//
// class: allocation from a destroyed pool
// pools: recycling_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': allocation: the pool is destroyed

#include "lender.hpp"

int main() {
    misuse::lender pool;
    pool->acquire().release();
    pool.destroy();
    (void)pool->try_acquire();
    return 0;
}
