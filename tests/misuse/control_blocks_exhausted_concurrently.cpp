// SPDX-License-Identifier: MIT
/// \file
/// Weak pointers that hold every control block of a concurrent pool make the next shared owner throw an error that names their pool; nothing is lost.
//
// class: bounded pool exhausted
// pools: concurrent_object_pool
// ends:  exit 0
// says:  millpond: pool 'victim.shared' is exhausted: capacity 3000
// twice: objects come and go in the same block, and only their control blocks stay

#include "owners.hpp"

MISUSE_OF_A_SHARED_OWNER({
    std::vector<std::weak_ptr<misuse::record>> weak;
    try {
        while (true) {
            weak.emplace_back(it.pool().make_shared());
        }
    } catch (const millpond::pool_exhausted& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    it.require_sound();
})
