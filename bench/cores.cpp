// SPDX-License-Identifier: MIT
#include "cores.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "measure.hpp"
#include <sched.h>

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

} // namespace

std::vector<std::size_t> allowed_cores() {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    sched_getaffinity(0, sizeof allowed, &allowed);
    std::vector<std::size_t> cores;
    for (std::size_t core = 0; core < CPU_SETSIZE; ++core) {
        if (CPU_ISSET(core, &allowed)) {
            cores.push_back(core);
        }
    }
    return cores;
}

void bind_to(std::span<const std::size_t> cores) noexcept {
    cpu_set_t chosen;
    CPU_ZERO(&chosen);
    for (const std::size_t core : cores) {
        CPU_SET(core, &chosen);
    }
    sched_setaffinity(0, sizeof chosen, &chosen);
}

void one_core::choose() noexcept {
    double least = std::numeric_limits<double>::max();
    std::span<const std::size_t> quickest = allowed_;
    for (const std::size_t& core : allowed_) {
        bind_to({&core, 1});
        const double ns = quickest_loop_ns();
        if (ns < least) {
            least = ns;
            quickest = {&core, 1};
        }
    }
    bind_to(quickest);
}

} // namespace millpond::bench
