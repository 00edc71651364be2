// SPDX-License-Identifier: MIT
/// \file
/// The resources whose calls are measured: on pages and over an upstream, directly and through the
/// standard's interface.

#include <array>
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <type_traits>

#include "resource_scenarios.hpp"
#include "subjects.hpp"

namespace millpond::guarantees {

namespace {

using std::pmr::memory_resource;

/// Gives memory of its own that takes next to no instructions, and takes none back.
class quick_upstream final : public memory_resource {
    void* do_allocate(std::size_t bytes, std::size_t alignment) override {
        void* place = next_;
        if (std::align(alignment, bytes, place, left_) == nullptr) {
            std::abort();
        }
        next_ = static_cast<std::byte*>(place) + bytes;
        left_ -= bytes;
        return place;
    }

    void do_deallocate(void* /*block*/, std::size_t /*bytes*/, std::size_t /*alignment*/) override {
    }

    [[nodiscard]] bool do_is_equal(const memory_resource& other) const noexcept override {
        return this == &other;
    }

    std::size_t left_ = std::size_t{512} << 20;
    std::unique_ptr<std::byte[]> memory_{new std::byte[left_]};
    std::byte* next_ = memory_.get();
};

/// What the four ways to ask for a block are called.
struct row_names {
    std::array<const char*, 2> small;
    std::array<const char*, 2> large;
    std::array<const char*, 2> largest;
    std::array<const char*, 2> aligned;
    std::array<const char*, 2> through_base;
};

/// Has each class of blocks above 4 KiB keep one.
void keep_large_blocks(pool_resource& resource) {
    for (std::size_t bytes = 4097; bytes <= 65'536; bytes = resource.block_bytes(bytes, 1) + 1) {
        resource.deallocate(resource.allocate(bytes, 1), bytes, 1);
    }
}

template <class Resource>
void measure(memory_resource* upstream, const row_names& called) {
    Resource resource({.name = "measured", .threads = 4}, upstream);
    const auto run =
        [&]<class Caller>(std::size_t bytes, std::size_t alignment, const auto& names) {
            resource_scenarios<Resource, Caller>(
                resource, bytes, alignment, upstream != nullptr, {names[0], names[1]})
                .run();
        };
    run.template operator()<Resource>(48, 8, called.small);
    run.template operator()<Resource>(1100, 8, called.large);
    if constexpr (std::is_same_v<Resource, pool_resource>) {
        keep_large_blocks(resource);
    }
    run.template operator()<Resource>(5000, 8, called.largest);
    run.template operator()<Resource>(100, 64, called.aligned);
    run.template operator()<memory_resource>(200, 8, called.through_base);
}

/// Growth steps of a resource on spans: some 20 MiB, which do not fit in the first space.
constexpr int steps_of_spans = 330;

/// Blocks for which the pool grows, and one for which there is no pool yet.
template <class Resource>
void measure_growth(const pool_resource_options& options,
                    memory_resource* upstream,
                    const char* growth,
                    const char* first) {
    Resource resource(options, upstream);
    resource_scenarios<Resource, Resource> run(resource, 48, 8, upstream != nullptr, {});
    announce(first, "a pool is made, and grows by its first step");
    (void)run.measured_take();
    announce(growth, "a block of 48 bytes, all others of which are live");
    const bool has_spans =
        std::is_same_v<Resource, pool_resource> && upstream == nullptr && !options.prefault;
    const int steps = has_spans ? steps_of_spans : 1;
    for (int step = 0; step < steps; ++step) {
        if constexpr (std::is_same_v<Resource, pool_resource>) {
            if (step <= steps / 2) { // the others have a new space among them
                keep_large_blocks(resource);
            }
        }
        run.fill(1);
        (void)run.measured_take();
    }
    resource.release();
}

} // namespace

void resource_instruction_scenarios() {
    measure<pool_resource>(
        nullptr,
        {{"pool_resource::allocate", "pool_resource::deallocate"},
         {"pool_resource::allocate above 1 KiB", "pool_resource::deallocate above 1 KiB"},
         {"pool_resource::allocate above 4 KiB", "pool_resource::deallocate above 4 KiB"},
         {"pool_resource::allocate, aligned", "pool_resource::deallocate, aligned"},
         {"pool_resource::allocate, virtual", "pool_resource::deallocate, virtual"}});
    measure<concurrent_pool_resource>(
        nullptr,
        {{"concurrent_pool_resource::allocate", "concurrent_pool_resource::deallocate"},
         {"concurrent_pool_resource::allocate above 1 KiB",
          "concurrent_pool_resource::deallocate above 1 KiB"},
         {"concurrent_pool_resource::allocate above 4 KiB",
          "concurrent_pool_resource::deallocate above 4 KiB"},
         {"concurrent_pool_resource::allocate, aligned",
          "concurrent_pool_resource::deallocate, aligned"},
         {"concurrent_pool_resource::allocate, virtual",
          "concurrent_pool_resource::deallocate, virtual"}});
    const auto upstream = std::make_unique<quick_upstream>();
    const std::array<const char*, 2> one{"pool_resource::allocate over an upstream",
                                         "pool_resource::deallocate over an upstream"};
    measure<pool_resource>(upstream.get(), {one, one, one, one, one});
    const std::array<const char*, 2> any{"concurrent_pool_resource::allocate over an upstream",
                                         "concurrent_pool_resource::deallocate over an upstream"};
    measure<concurrent_pool_resource>(upstream.get(), {any, any, any, any, any});
}

void resource_growth_scenarios() {
    measure_growth<pool_resource>(
        {}, nullptr, "growth step of a resource", "first block of a size in a resource");
    measure_growth<pool_resource>({.prefault = true},
                                  nullptr,
                                  "growth step of a resource, prefaulted",
                                  "first block of a size in a resource, prefaulted");
    measure_growth<concurrent_pool_resource>({.threads = 4},
                                             nullptr,
                                             "growth step of a concurrent resource",
                                             "first block of a size in a concurrent resource");
    const auto upstream = std::make_unique<quick_upstream>();
    measure_growth<pool_resource>({},
                                  upstream.get(),
                                  "growth step of a resource over an upstream",
                                  "first block of a size in a resource over an upstream");
    measure_growth<concurrent_pool_resource>(
        {.threads = 4},
        upstream.get(),
        "growth step of a concurrent resource over an upstream",
        "first block of a size in a concurrent one over an upstream");
}

} // namespace millpond::guarantees
