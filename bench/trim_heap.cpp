// SPDX-License-Identifier: MIT
/// \file
/// The call by which each heap gives memory back, found by name.

#include "trim_heap.hpp"

#include <cstddef>

#include <dlfcn.h>
#include <malloc.h>

namespace millpond::bench {

namespace {

/// Calls a function of a preloaded library by its name, when it is there.
template <class... Arguments>
bool call_if_there(const char* name, Arguments... arguments) {
    void* const found = dlsym(RTLD_DEFAULT, name);
    if (found == nullptr) {
        return false;
    }
    reinterpret_cast<void (*)(Arguments...)>(found)(arguments...);
    return true;
}

} // namespace

void trim_heap() {
    constexpr int clean_all_buffers = 1; // TBBMALLOC_CLEAN_ALL_BUFFERS
    if (call_if_there("MallocExtension_ReleaseFreeMemory")) {
        return;
    }
    if (call_if_there("mi_collect", true)) {
        return;
    }
    // tbbmalloc itself is linked for fixed_pool; only its proxy says that it serves malloc.
    if (dlsym(RTLD_DEFAULT, "__TBB_malloc_proxy") != nullptr) {
        call_if_there<int, void*>("scalable_allocation_command", clean_all_buffers, nullptr);
        return;
    }
    using control = int(const char*, void*, std::size_t*, void*, std::size_t);
    if (auto* const mallctl = reinterpret_cast<control*>(dlsym(RTLD_DEFAULT, "mallctl"))) {
        mallctl("thread.tcache.flush", nullptr, nullptr, nullptr, 0);
        mallctl("arena.4096.purge", nullptr, nullptr, nullptr, 0); // 4096: all arenas
        return;
    }
    malloc_trim(0);
}

} // namespace millpond::bench
