// SPDX-License-Identifier: MIT
/// \file
/// A block freed twice in the same instant stops the program at the second free, wherever the one meets the other, in a pool made with free_check::exact.
//
// class: two frees at the same instant
// pools: concurrent_block_pool
// ends:  SIGABRT
// says:  millpond: pool 'victim': free of {block}: freed twice

#include "two_frees.hpp"

int main() {
    misuse::victim<misuse::exact_blocks> it;
    void* const block = it.take();
    const misuse::two_frees frees(it, block);
    if (frees.first_that_both_passed() != 0) {
        std::exit(4);
    }
    frees.again(1);
    return 0;
}
