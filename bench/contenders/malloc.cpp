// SPDX-License-Identifier: MIT
/// \file
/// The C heap, and the libraries that replace it. Each replacement is preloaded into its worker, as
/// a user would do it, and the worker checks that the replacement took.

#include <cstdlib>
#include <memory>

#include "contenders/registry.hpp"
#include "contenders/run_container_patterns.hpp"
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

/// What a container uses when nothing is said: operator new, which calls malloc.
class standard_allocator {
public:
    using allocator_type = std::allocator<std::byte>;

    static allocator_type allocator() noexcept { return {}; }
};

constexpr unsigned everything = raw_blocks | grows | any_thread | in_containers;

outcome run_heap(const task& asked) {
    return run_either<run_all_patterns<c_heap>, run_containers_of<standard_allocator>>(asked);
}

contender preloaded(std::string_view name, std::string_view library, std::string_view package) {
    return {.name = name,
            .what = "malloc and free, preloaded; in containers std::allocator",
            .abilities = everything,
            .run = run_heap,
            .package = package,
            .preload = library};
}

} // namespace

std::vector<contender> malloc_contenders() {
    return {{.name = "glibc",
             .what = "malloc and free; in containers std::allocator",
             .abilities = everything,
             .run = run_heap,
             .package = "libc6"},
            preloaded("jemalloc", "libjemalloc.so.2", "libjemalloc2"),
            preloaded("mimalloc", "libmimalloc.so.2", "libmimalloc2.0"),
            preloaded("tcmalloc", "libtcmalloc_minimal.so.4", "libtcmalloc-minimal4"),
            preloaded("tbbmalloc", "libtbbmalloc_proxy.so.2", "libtbbmalloc2")};
}

} // namespace millpond::bench
