// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// Millpond's resources over pools, for whichever checking level the including file is compiled with; in
/// a namespace named after the level, as in millpond_pools.hpp and for the same reason.

#include "millpond/millpond.hpp"

#include <algorithm>
#include <cstddef>

#include "contenders/making.hpp"
#include "contenders/pmr_containers.hpp"
#include "contenders/run_container_patterns.hpp"

namespace millpond::bench {

namespace MILLPOND_ABI {

/// Blocks of one size from a resource that has them of any.
template <std::size_t Bytes>
class raw_resource {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit raw_resource(std::size_t blocks) { resource_.reserve(blocks, Bytes, alignment); }

    explicit raw_resource(growing /*limit*/) {}

    void* allocate() { return resource_.allocate(Bytes, alignment); }

    void deallocate(void* block) noexcept { resource_.deallocate(block, Bytes, alignment); }

    void trim() noexcept { resource_.shrink(); }

private:
    static constexpr std::size_t alignment = 8;

    pool_resource resource_{pool_resource_options{.name = "raw"}};
};

/// The same for any thread, told the number of threads.
template <std::size_t Bytes>
class concurrent_raw_resource {
public:
    static constexpr std::size_t block_bytes = Bytes;

    explicit concurrent_raw_resource(shared size)
        : resource_(pool_resource_options{.name = "shared", .threads = size.threads}) {}

    void* allocate() { return resource_.allocate(Bytes, alignment); }

    void deallocate(void* block) noexcept { resource_.deallocate(block, Bytes, alignment); }

private:
    static constexpr std::size_t alignment = 8;

    concurrent_pool_resource resource_;
};

/// A resource whose type the containers know.
class pool_allocator_source {
public:
    using allocator_type = pool_allocator<std::byte>;

    allocator_type allocator() noexcept { return &resource_; }

    void trim() noexcept { resource_.shrink(); }

private:
    pool_resource resource_{pool_resource_options{.name = "containers"}};
};

/// A resource behind the standard's interface.
template <class Resource, class... Arguments>
outcome run_by_pmr(const task& asked, Arguments... arguments) {
    Resource resource(pool_resource_options{.name = "containers"}, arguments...);
    return run_pmr_containers(
        resource, [&resource] { resource.shrink(); }, asked);
}

} // namespace MILLPOND_ABI

} // namespace millpond::bench
