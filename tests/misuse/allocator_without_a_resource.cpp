// SPDX-License-Identifier: MIT
/// \file
/// An allocator that is made without a resource stops the program while no default one is set.
//
// class: allocator without a resource
// pools: pool_allocator concurrent_pool_allocator
// ends:  SIGABRT
// says:  millpond: pool_allocator: made without a resource, and no default one is set

#include "victim.hpp"

int main(int count, char** values) {
    if (count == 2 && std::strcmp(values[1], "pool_allocator") == 0) {
        const std::vector<int, millpond::pool_allocator<int>> numbers;
    } else {
        // The default of one kind of resources is none of another's.
        millpond::pool_resource other;
        millpond::set_default_resource(&other);
        const std::vector<int, millpond::concurrent_pool_allocator<int>> numbers;
    }
    return 0;
}
