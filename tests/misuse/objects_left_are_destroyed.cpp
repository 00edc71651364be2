// SPDX-License-Identifier: MIT
/// \file
/// A typed pool that dies with live objects destroys each once and says nothing.
//
// class: pool destroyed with live blocks
// pools: object_pool static_object_pool concurrent_object_pool
// ends:  exit 0
// says:  nothing
// destroys: 3000

#include "victim.hpp"

MISUSE_OF_A_POOL({
    const auto objects = it.take_up_to(misuse::capacity);
    it.give(objects[3]);
    it.destroy_pool();
})
