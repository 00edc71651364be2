// SPDX-License-Identifier: MIT
/// \file
/// malloc as it must not be. Behaves until it is asked for the size that no part of the player asks for
/// but the synthetic events do, and then does what its name says.

#include <csignal>
#include <cstddef>

extern "C" void*
__libc_malloc(std::size_t size); // NOLINT(bugprone-reserved-identifier): glibc's name

namespace {

enum class fault {
    crash,  ///< ends the process with SIGSEGV
    lose,   ///< hands the same block out again and again
    refuse, ///< says that there is no memory
};

constexpr std::size_t fatal_size = 2741;

} // namespace

extern "C" [[gnu::visibility("default")]] void* malloc(std::size_t size) {
    static void* shared = nullptr;
    if (size != fatal_size) {
        return __libc_malloc(size);
    }
    if constexpr (FAULT == fault::crash) {
        std::raise(SIGSEGV);
    } else if constexpr (FAULT == fault::lose) {
        shared = shared == nullptr ? __libc_malloc(size) : shared;
    }
    return shared;
}
