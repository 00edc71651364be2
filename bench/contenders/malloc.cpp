// SPDX-License-Identifier: MIT
/// \file
/// The C heap, and the libraries that replace it. Each replacement is preloaded into its worker, as
/// a user would do it, and the worker checks that the replacement took.

#include <cstdlib>

#include "contenders/registry.hpp"
#include "contenders/run_shared_patterns.hpp"
#include "trim_heap.hpp"

namespace millpond::bench {

namespace {

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
