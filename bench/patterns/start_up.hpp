// SPDX-License-Identifier: MIT
#pragma once
/// \file
/// How long until a pool of four million blocks hands out its first one?
///
/// `construct` is wall time of the constructor, `first` of the first allocation, which is where
/// lazy libraries hide the work, and `ready` of both. The prefaulted form adds the floor: mapping as many bytes and
/// writing one byte to each page.

#include <concepts>
#include <stdexcept>

#include "contenders/making.hpp"
#include "measure.hpp"
#include "task.hpp"
#include <sys/mman.h>

namespace millpond::bench {

template <class Pool, class Size>
outcome time_construction(Size size) {
    const double start = wall_ns();
    Pool pool(size);
    asm volatile("" : : "r"(&pool) : "memory");
    const double constructed = wall_ns();
    void* const block = take(pool, 1);
    const double allocated = wall_ns();
    outcome found;
    found.checksum = give(pool, block);
    found.figures = {{"construct", constructed - start},
                     {"first", allocated - constructed},
                     {"ready", allocated - start}};
    return found;
}

/// What the system takes for so many bytes of fresh pages, however they are asked for.
inline double touch_pages_ns(std::size_t bytes) {
    constexpr std::size_t page_bytes = 4096;
    const double start = wall_ns();
    void* const mapped =
        mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mapped == MAP_FAILED) {
        out_of_blocks();
    }
    volatile unsigned char* const pages = static_cast<unsigned char*>(mapped);
    for (std::size_t at = 0; at < bytes; at += page_bytes) {
        pages[at] = 1;
    }
    const double ns = wall_ns() - start;
    munmap(mapped, bytes);
    return ns;
}

template <class Pool>
outcome measure_start_up(const task& asked) {
    return time_construction<Pool>(asked.blocks);
}

template <class Pool>
outcome measure_start_up_prefaulted(const task& asked) {
    if constexpr (std::constructible_from<Pool, prefaulted>) {
        const double floor_ns = touch_pages_ns(asked.blocks * Pool::block_bytes);
        outcome found = time_construction<Pool>(prefaulted{asked.blocks});
        found.figures.push_back({"touching_pages", floor_ns});
        return found;
    } else {
        throw std::invalid_argument("this contender cannot prefault");
    }
}

} // namespace millpond::bench
