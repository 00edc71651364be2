// SPDX-License-Identifier: MIT
/// \file
/// The executable that holds the programs: the first argument says which, the others are its own.

#include "programs.hpp"

#include <cstdio>
#include <cstring>

namespace misuse {

const program* program::find(const char* name) noexcept {
    const program* found = first;
    while (found != nullptr && std::strcmp(found->name_, name) != 0) {
        found = found->next_;
    }
    return found;
}

} // namespace misuse

int main(int count, char** values) {
    const misuse::program* const chosen = count > 1 ? misuse::program::find(values[1]) : nullptr;
    if (chosen == nullptr) {
        std::fprintf(stderr, "which program?\n");
        return 2;
    }
    return chosen->run(count - 1, values + 1);
}
