// SPDX-License-Identifier: MIT
/// \file
/// The last shared owner of an object that `clear` took away stops the program, even when the block is somebody else's by then.
//
// class: shared owner left when its pool dies
// pools: object_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: the pool was cleared

#include "owners.hpp"

int main() {
    misuse::victim<millpond::object_pool<misuse::record>> it;
    const auto owner = it.pool().make_shared();
    misuse::note("block", owner.get());
    it.pool().clear();
    (void)it.take_all();
    return 0;
}
