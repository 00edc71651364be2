// SPDX-License-Identifier: MIT
#include "record/tick_rate.hpp"

#include <chrono>
#include <fstream>
#include <string>
#include <thread>

#if defined(__x86_64__)
#    include <x86intrin.h>
#endif

namespace millpond::tool {
namespace {

constexpr std::uint64_t shortest_ns = 5'000'000;
constexpr std::uint64_t femtoseconds_per_ns = 1'000'000;
constexpr std::uint64_t cycles_per_tick = 16; // as in inside::now

std::uint64_t monotonic_ns() {
    const auto now = std::chrono::steady_clock::now().time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::nanoseconds>(now).count());
}

#if defined(__x86_64__)
std::uint64_t cycles() {
    return __rdtsc();
}

clock_source best_source() {
    std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    std::string name;
    file >> name;
    return name == "tsc" ? clock_source::time_stamp_counter : clock_source::monotonic;
}
#else
std::uint64_t cycles() {
    return 0;
}

clock_source best_source() {
    return clock_source::monotonic;
}
#endif

} // namespace

tick_rate::tick_rate()
    : source_(best_source())
    , start_ns_(monotonic_ns())
    , start_cycles_(cycles()) {}

std::uint64_t tick_rate::femtoseconds() const {
    if (source_ == clock_source::monotonic) {
        return femtoseconds_per_ns;
    }
    if (monotonic_ns() - start_ns_ < shortest_ns) {
        std::this_thread::sleep_for(std::chrono::nanoseconds(shortest_ns));
    }
    const std::uint64_t ns = monotonic_ns() - start_ns_;
    const std::uint64_t spent = cycles() - start_cycles_;
    const double per_cycle = static_cast<double>(ns) / static_cast<double>(spent);
    return static_cast<std::uint64_t>(per_cycle * static_cast<double>(cycles_per_tick) *
                                      static_cast<double>(femtoseconds_per_ns));
}

} // namespace millpond::tool
