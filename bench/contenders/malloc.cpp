// SPDX-License-Identifier: MIT
/// \file
/// The C heap, and the libraries that replace it. Each replacement is preloaded into its worker, as
/// a user would do it, and the worker checks that the replacement took.

#include <cstdlib>

#include "contenders/registry.hpp"
#include "contenders/run_shared_patterns.hpp"
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

/// Asks whichever heap is loaded to return what it can.
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

template <std::size_t Bytes>
class c_heap {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit c_heap(std::size_t /*blocks*/) {}

    explicit c_heap(growing /*limit*/) {}

    void* allocate() noexcept { return std::malloc(Bytes); }

    void deallocate(void* block) noexcept { std::free(block); }

    void trim() { trim_heap(); }
};

contender preloaded(std::string_view name, std::string_view library, std::string_view package) {
    return {.name = name,
            .what = "malloc and free, preloaded",
            .abilities = raw_blocks | grows | any_thread,
            .run = run_all_patterns<c_heap>,
            .package = package,
            .preload = library};
}

} // namespace

std::vector<contender> malloc_contenders() {
    return {{.name = "glibc",
             .what = "malloc and free",
             .abilities = raw_blocks | grows | any_thread,
             .run = run_all_patterns<c_heap>,
             .package = "libc6"},
            preloaded("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
            preloaded("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
            preloaded("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
            preloaded("tbbmalloc", "libtbbmalloc_proxy.so.2", "libtbbmalloc2")};
}

} // namespace millpond::bench
