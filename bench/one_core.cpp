// SPDX-License-Identifier: MIT
#include "one_core.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "measure.hpp"

namespace millpond::bench {

namespace {

/// CPU time of a loop of multiplications and scattered writes to 64 KiB: both suffer when the core is shared.
double loop_ns() noexcept {
    static std::array<std::uint32_t, 1U << 14U> words{};
    const double start = cpu_ns();
    std::uint32_t random = 1;
    for (std::uint32_t i = 0; i < 1'000'000; ++i) {
        random = random * 1'664'525 + 1'013'904'223;
        words[random >> 18U] += random;
        words[(random >> 4U) % words.size()] ^= i;
    }
    return cpu_ns() - start;
}

double quickest_loop_ns() noexcept {
    double least = std::numeric_limits<double>::max();
    for (int i = 0; i < 5; ++i) {
        least = std::min(least, loop_ns());
    }
    return least;
}

void bind_to(std::size_t core) noexcept {
    cpu_set_t alone;
    CPU_ZERO(&alone);
    CPU_SET(core, &alone);
    sched_setaffinity(0, sizeof alone, &alone);
}

} // namespace

one_core::one_core() noexcept {
    CPU_ZERO(&allowed_);
    sched_getaffinity(0, sizeof allowed_, &allowed_);
}

void one_core::choose() noexcept {
    double least = std::numeric_limits<double>::max();
    std::size_t chosen = CPU_SETSIZE;
    for (std::size_t core = 0; core < CPU_SETSIZE; ++core) {
        if (!CPU_ISSET(core, &allowed_)) {
            continue;
        }
        bind_to(core);
        const double ns = quickest_loop_ns();
        if (ns < least) {
            least = ns;
            chosen = core;
        }
    }
    if (chosen != CPU_SETSIZE) {
        bind_to(chosen);
    }
}

void one_core::release() noexcept {
    sched_setaffinity(0, sizeof allowed_, &allowed_);
}

} // namespace millpond::bench
