// SPDX-License-Identifier: MIT
/// \file
/// Weak pointers may outlive their pool: they are expired, and the last one gives the memory of the control blocks back.
//
// class: shared owner left when its pool dies
// pools: object_pool concurrent_object_pool
// ends:  exit 0
// says:  nothing

#include "owners.hpp"

MISUSE_OF_A_SHARED_OWNER({
    std::weak_ptr<misuse::record> weak;
    {
        const auto owner = it.pool().make_shared();
        weak = owner;
    }
    std::weak_ptr<misuse::record> another = weak;
    it.destroy_pool();
    misuse::overwrite_pool(it);
    if (weak.lock() != nullptr) {
        std::exit(3);
    }
    weak.reset();
    if (!another.expired()) {
        std::exit(3);
    }
})
