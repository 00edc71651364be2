// SPDX-License-Identifier: MIT
#include <cstdlib>

extern "C" void plugin_allocates() {
    std::free(std::malloc(7301));
}
