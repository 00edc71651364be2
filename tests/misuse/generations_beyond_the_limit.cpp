// SPDX-License-Identifier: MIT
/// \file
/// More generations than a handle has room for beside the slot are refused with field, value and limit.
//
// class: too many generations asked for
// pools: handle_pool
// ends:  exit 0
// says:  millpond: pool 'victim': generations is 17592186044417, must be at most 17592186044416

#include <stdexcept>

#include "behind_handles.hpp"

int main() {
    try {
        millpond::handle_pool_options options = misuse::options_of_handles(); // 12 bits of slot
        options.generations = (std::uint64_t{1} << 44) + 1;
        const misuse::handles pool(options);
    } catch (const std::invalid_argument& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
    return 0;
}
