// SPDX-License-Identifier: MIT
/// \file
/// A reservation gives exactly what was set aside, in a pool that is otherwise full, and then nullptr.
//
// class: more taken than was reserved
// pools: concurrent_block_pool concurrent_object_pool
// ends:  exit 0
// says:  nothing

#include "victim.hpp"

MISUSE_OF_A_CONCURRENT_POOL({
    auto tokens = it.pool().reserve_tokens(100);
    (void)it.take_all();
    const auto take = [&]() -> void* {
        if constexpr (Victim::raw) {
            return tokens.try_allocate();
        } else {
            return tokens.try_create();
        }
    };
    for (int i = 0; i < 100; ++i) {
        if (take() == nullptr) {
            std::exit(4);
        }
    }
    if (take() != nullptr || tokens.remaining() != 0) {
        std::exit(5);
    }
    it.require_sound();
})
