// SPDX-License-Identifier: MIT
/// \file
/// The standard library's own pools, with their default options.

#include <memory_resource>

#include "contenders/pmr_containers.hpp"
#include "contenders/registry.hpp"
#include "contenders/run_container_patterns.hpp"
#include "contenders/run_shared_patterns.hpp"

namespace millpond::bench {

namespace {

template <std::size_t Bytes, class Resource>
class resource_of {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit resource_of(std::size_t /*blocks*/) {}

    explicit resource_of(growing /*limit*/) {}

    void* allocate() { return resource_.allocate(Bytes, alignment); }

    void deallocate(void* block) { resource_.deallocate(block, Bytes, alignment); }

private:
    static constexpr std::size_t alignment = Bytes < 16 ? Bytes : 16;

    Resource resource_;
};

template <std::size_t Bytes>
using unsynchronized = resource_of<Bytes, std::pmr::unsynchronized_pool_resource>;

template <std::size_t Bytes>
using synchronized = resource_of<Bytes, std::pmr::synchronized_pool_resource>;

constexpr std::string_view package = "libstdc++6";

} // namespace

std::vector<contender> standard_contenders() {
    return {{.name = "pmr unsynchronized",
             .what = "std::pmr::unsynchronized_pool_resource, default options",
             .abilities = raw_blocks | grows | in_containers,
             .run = run_either<run_patterns<unsynchronized>,
                               run_pmr_containers_of<std::pmr::unsynchronized_pool_resource>>,
             .package = package},
            {.name = "pmr synchronized",
             .what = "std::pmr::synchronized_pool_resource, default options",
             .abilities = raw_blocks | grows | any_thread | in_containers,
             .run = run_either<run_all_patterns<synchronized>,
                               run_pmr_containers_of<std::pmr::synchronized_pool_resource>>,
             .package = package}};
}

} // namespace millpond::bench
