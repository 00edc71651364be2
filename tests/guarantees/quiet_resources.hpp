// SPDX-License-Identifier: MIT
#pragma once

/// \file
/// Resources that have what they need: pages that are there, or chunks that came before. Then they make no
/// system call and take no page fault either.

#include "millpond/millpond.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory_resource>
#include <utility>

#include "quiet_crew.hpp"

namespace millpond::guarantees {

/// Small, larger, above 1 KiB, aligned.
struct sized_request {
    std::size_t bytes;
    std::size_t alignment;
};

inline constexpr std::array<sized_request, 4> quiet_sizes{
    {{40, 8}, {300, 8}, {1500, 8}, {200, 64}}};

/// Blocks of each size that are there from the beginning, and those that are live at most.
inline constexpr std::size_t quiet_reserved = 4'000;
inline constexpr std::size_t quiet_live = 2'000;

/// Blocks that one thread holds, in memory that was touched before.
class held_blocks {
public:
    /// Takes and frees at random through the standard's interface; the level wanders between nothing and
    /// `most` of each size.
    void use(std::pmr::memory_resource& resource, std::uint64_t seed, std::size_t most, int steps) {
        std::uint64_t random = 88172645463325252U + seed;
        for (int step = 0; step < steps; ++step) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            const std::size_t size = random % quiet_sizes.size();
            const bool growing = (step / 10'000 % 2 == 0) != (random / 8 % 4 == 0);
            if (growing && live_[size] < most) {
                take(resource, size);
            } else if (live_[size] != 0) {
                std::swap(blocks_[size][random / 64 % live_[size]], blocks_[size][live_[size] - 1]);
                give(resource, size);
            }
        }
        empty(resource);
    }

    /// Takes so many of each size and frees them, so that all that a thread keeps is in use once.
    void warm_up(std::pmr::memory_resource& resource, std::size_t count) {
        for (std::size_t size = 0; size < quiet_sizes.size(); ++size) {
            while (live_[size] < count) {
                take(resource, size);
            }
        }
        empty(resource);
    }

private:
    void take(std::pmr::memory_resource& resource, std::size_t size) {
        const auto [bytes, alignment] = quiet_sizes[size];
        void* const block = resource.allocate(bytes, alignment);
        std::memset(block, 0x5a, bytes); // its pages must be there
        blocks_[size][live_[size]++] = block;
    }

    void give(std::pmr::memory_resource& resource, std::size_t size) {
        const auto [bytes, alignment] = quiet_sizes[size];
        resource.deallocate(blocks_[size][--live_[size]], bytes, alignment);
    }

    void empty(std::pmr::memory_resource& resource) {
        for (std::size_t size = 0; size < quiet_sizes.size(); ++size) {
            while (live_[size] != 0) {
                give(resource, size);
            }
        }
    }

    std::array<std::array<void*, quiet_reserved>, quiet_sizes.size()> blocks_{};
    std::array<std::size_t, quiet_sizes.size()> live_{};
};

inline std::array<held_blocks, crew::size> held;

/// One of each kind, on pages and over an upstream.
struct quiet_resources {
    pool_resource paged{pool_resource_options{.name = "quiet", .prefault = true}};
    pool_resource chunked{{.name = "quiet"}, std::pmr::new_delete_resource()};
    concurrent_pool_resource shared{
        pool_resource_options{.name = "quiet", .prefault = true, .threads = crew::size}};
    concurrent_pool_resource shared_chunked{{.name = "quiet", .threads = crew::size},
                                            std::pmr::new_delete_resource()};

    /// Has every pool made and grown, and every thread keep blocks.
    void prepare(crew& threads) {
        for (const auto& [bytes, alignment] : quiet_sizes) {
            paged.reserve(quiet_reserved, bytes, alignment);
            chunked.reserve(quiet_reserved, bytes, alignment);
        }
        held[0].warm_up(paged, quiet_live);
        held[0].warm_up(chunked, quiet_reserved); // nobody prefaults an upstream's pages
        for (concurrent_pool_resource* const resource : {&shared, &shared_chunked}) {
            held[0].warm_up(*resource, quiet_reserved);
            for (int round = 0; round < 8;
                 ++round) { // once round the ring that a thread keeps blocks in
                threads.together(
                    [&](std::size_t who) { held[who].warm_up(*resource, quiet_live / 4); });
            }
        }
    }

    void use(crew& threads) {
        held[0].use(paged, 1, quiet_live, 200'000);
        held[0].use(chunked, 2, quiet_live, 200'000);
        for (concurrent_pool_resource* const resource : {&shared, &shared_chunked}) {
            threads.together(
                [&](std::size_t who) { held[who].use(*resource, who, quiet_live / 4, 200'000); });
        }
    }

    [[nodiscard]] bool are_sound() {
        return paged.verify() && chunked.verify() && shared.verify() && shared_chunked.verify();
    }
};

} // namespace millpond::guarantees
